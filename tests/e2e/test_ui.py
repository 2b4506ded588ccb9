"""A person in front of Prefect's UI: what is clicked there starts, decides, stops and resumes batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import at, chromium
from control_room import ControlRoom, control_room, until

pytestmark = pytest.mark.timeout(600)

GATES = [{"name": "fine", "measures": "tests", "command": ["true"]}]
# No other process has this in its command line.
ENDLESS = "86399.25"
_BEGUN = {
    "C0": [[{"submit_scope": {"objective": "add a file", "in_scope": ["a file"]}}]],
    "C1": [[{"submit_plan": {"approach": "add a file"}}]],
}
_QUESTION = {
    "trigger": "data",
    "summary": "Which unit?",
    "context": {"tried": "read all", "why": "two are in use", "blocks": "the schema"},
    "options": [
        {"name": name, "description": f"keep {name}", "pros": ["known"], "cons": ["work"], "risk": "low"}
        for name in ("cents", "tenths")
    ],
    "recommendation": "cents",
    "questions": ["Who reads it?"],
}


def works(ticket: str, *commands: list[str]) -> dict[str, list[Any]]:
    turns = [[{"edit": {"path": f"{ticket}.txt", "old": "", "new": f"{ticket}\n"}}]]
    turns += [[{"run": {"command": command}}] for command in commands]
    return {**_BEGUN, "C2": [*turns, [{"submit_work": {"summary": f"add {ticket}.txt", "changes": ["add it"]}}]]}


def asks() -> dict[str, list[Any]]:
    return {"C0": _BEGUN["C0"], "C1": [[{"escalate": _QUESTION}]]}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlRoom]:
    chromium()
    with control_room(tmp_path_factory.mktemp("control-room")) as room:
        yield room


@pytest.fixture
def scripted(new_repo: Callable[..., Any]) -> Callable[..., Any]:
    """Make a repository whose agents follow a script, one ticket for each part of it."""

    def make(script: dict[str, Any]) -> Any:
        settings = {"agent": {"model": "scripted:script.yaml"}, "gates": GATES}
        return new_repo(settings, tuple(script), {"script.yaml": json.dumps(script)})

    return make


def manifest(repo: Any, batch: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((repo.batch(batch) / "manifest.yaml").read_text(encoding="utf-8"))
    return loaded


def test_a_batch_is_started_decided_and_answered(
    room: ControlRoom, scripted: Callable[..., Any], tmp_path: Path
) -> None:
    repo = scripted({"T-1": works("T-1"), "T-2": works("T-2"), "T-3": asks()})
    with at(room.ui, tmp_path) as ui:
        ui.start("overnight", {"Repository": str(repo.path), "Batch": "clicked", "Tickets at most": 5})
        ui.wait_for_state("Incomplete", 180)
        answers = {
            "T-1 merge request": ({"Decision": "approve", "Name": "Ada"}, "Approve"),
            "T-2 merge request": ({"Decision": "request changes", "Comment": "name it *better*"}, "RequestChanges"),
            "T-3 escalation": ({"Option": "cents"}, "Answer"),
        }
        for name, (values, _) in answers.items():
            until(lambda name=name: waiting(room, name), 120)
            ui.open_run(name)
            ui.resume(values, name.replace(" ", "-"))
        for name, (_, state) in answers.items():
            ui.open_run(name)
            ui.wait_for_state(state, 120)
        assert ui.faults == []
    assert manifest(repo, "clicked")["status"] == "reviewed"
    # The three runs end side by side, in any order.
    lines = (repo.batch("clicked") / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    log = sorted(map(json.loads, lines), key=lambda entry: entry["ticket"])
    assert [(entry["ticket"], entry["kind"], entry["by"]) for entry in log] == [
        ("T-1", "approve", "Ada (Prefect UI)"),
        ("T-2", "request-changes", "Prefect UI"),
        ("T-3", "answer", "Prefect UI"),
    ]
    assert log[1]["message"] == "name it *better*"


def waiting(room: ControlRoom, name: str) -> bool:
    """Say whether a run of that name asks for an answer."""
    chosen = {"name": {"like_": name}, "state": {"type": {"any_": ["PAUSED"]}}}
    return bool(room.ask("flow_runs/filter", flow_runs=chosen))


def test_a_cancelled_run_stops_its_agents_and_a_retry_goes_on_with_it(
    room: ControlRoom, scripted: Callable[..., Any], tmp_path: Path
) -> None:
    # A resumed agent runs the command again that was cut off; this one is endless once only.
    once = ["sh", "-c", f"mkdir begun && exec sleep {ENDLESS}; true"]
    repo = scripted({**{name: works(name, once) for name in ("T-1", "T-2", "T-3")}, "T-4": works("T-4")})
    with at(room.ui, tmp_path) as ui:
        ui.start("overnight", {"Repository": str(repo.path)})
        until(lambda: len(running(ENDLESS)) >= 3, 120)
        ui.choose("Cancel").get_by_role("button", name="Cancel Flow Run").click()
        ui.wait_for_state("Cancelled", 90)
        assert running(ENDLESS) == []
        (batch,) = (path.name for path in (repo.path / ".nightwork" / "batches").iterdir())
        stopped = manifest(repo, batch)
        assert stopped["status"] == "aborted"
        assert {entry["outcome"] for entry in stopped["tickets"]} == {"aborted(stopped)"}

        ui.choose("Retry").get_by_role("button", name="Retry").click()
        ui.wait_for_state("Completed", 180)
        assert ui.faults == []
    assert [path.name for path in (repo.path / ".nightwork" / "batches").iterdir()] == [batch]
    assert {entry["outcome"] for entry in manifest(repo, batch)["tickets"]} == {"completed"}


def running(argument: str) -> list[int]:
    """Return the processes that have an argument in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found
