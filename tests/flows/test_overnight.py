"""The overnight flow through a real Prefect server: one test for each arrow of the picture and each way to fail."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings

from flows.overnight import overnight
from flows.wiring.effort import best_effort
from nightwork.batch import Batch, newest
from nightwork.decision import Kind
from nightwork.manifest import BatchStatus
from nightwork.outcome import Reason, Status, Verdict
from nightwork.settings import RunOptions
from nightwork.stages import review as review_stage

pytestmark = pytest.mark.usefixtures("server")

ASKS = [[{"escalate": {
    "trigger": "uncertainty",
    "summary": "left or right?",
    "context": {"tried": "reading", "why": "both fit", "blocks": "the work"},
    "options": [{"name": "left", "description": "go left"}, {"name": "right", "description": "go right"}],
    "recommendation": "left",
}}]]  # fmt: skip
Make = Callable[..., Path]


def run(root: Path, batch_id: str | None = None, **options: Any) -> tuple[Any, Batch]:
    state = overnight(str(root), batch_id, RunOptions(**options), return_state=True)
    batch = newest(root)
    assert batch is not None
    return state, batch


def ask(path: str, **body: Any) -> Any:
    """Ask the server as the UI does."""
    answer = httpx.post(f"{get_current_settings().api.url}/{path}", json={"limit": 200, **body}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def task_runs(state: Any, wanted: int) -> dict[str, str]:
    """Return the state names of the task runs below a flow run by task run name, once `wanted` of them have ended.

    The server learns of task runs through events that arrive a little later than the runs end.
    """
    top = str(state.state_details.flow_run_id)
    children = ask("flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [top]}})
    below = {"id": {"any_": [top, *(child["id"] for child in children)]}}
    deadline = time.monotonic() + 30
    while True:
        found = ask("task_runs/filter", flow_runs=below)
        ended = {run["name"]: run["state_name"] for run in found if run["end_time"]}
        if len(ended) >= wanted or time.monotonic() > deadline:
            return ended
        time.sleep(0.2)


def test_a_batch_ends_with_one_commit_and_one_merge_request_a_ticket(make_repository: Make) -> None:
    root = make_repository({"A-1": {}, "A-2": {"dependencies": ["A-1"]}})
    state, batch = run(root)
    assert (state.name, state.is_completed()) == ("Completed", True)
    assert batch.manifest().status is BatchStatus.COMPLETED
    assert {name: (o.status, o.verdict) for name, o in batch.state().items.items()} == {
        "A-1": (Status.COMPLETED, Verdict.PASSED),
        "A-2": (Status.COMPLETED, Verdict.PASSED),
    }
    change = batch.change("A-2", 1)
    first = batch.change("A-1", 1)
    assert change and first and change.parent == first.commit and change.stacked_on == ("A-1",)
    assert sorted(path.name for path in (batch.folder / "merge_requests").iterdir()) == ["A-1.md", "A-2.md"]


def test_outcomes_are_told_by_name_and_steps_are_child_runs(make_repository: Make) -> None:
    root = make_repository(
        {"A-1": {}, "A-2": {}, "A-3": {"dependencies": ["A-2"]}, "A-4": {}},
        {"A-2": {"C1": ASKS}, "A-4": {"C2": [[{"submit_work": {"summary": "nothing"}}]] * 3}},
    )
    state, batch = run(root)
    assert state.name == "Incomplete"
    names = task_runs(state, wanted=25)
    assert names["A-1"] == "Completed"
    assert names["A-2"] == "Escalated"
    assert names["A-3"] == "Skipped"
    assert names["A-4"] == "Failed"
    assert {"A-1 C0 scope", "A-1 C1 plan", "A-1 C2 implement", "A-1 merge request", "A-1 gates"} <= names.keys()
    assert batch.state().items["A-4"].reason is Reason.NO_CHANGE


def test_reports_are_artifacts(make_repository: Make) -> None:
    root = make_repository({"ART-1": {}})
    run(root)
    keys = {artifact["key"] for artifact in ask("artifacts/filter")}
    assert {"manifest", "progress", "review", "transcript-art-1", "gates-art-1", "together"} <= keys


def test_the_search_for_who_breaks_the_others_is_shown_run_by_run(make_repository: Make) -> None:
    root = make_repository({"A-1": {}, "A-2": {}, "A-3": {}}, gates={"tests": "test ! -e A-1.txt || test ! -e A-3.txt"})
    state, batch = run(root)
    record = batch.together()
    assert record
    assert [each.ticket for each in record.culprits] == ["A-3"]
    assert (state.name, record.order) == ("Completed", ("A-1", "A-2"))
    names = task_runs(state, wanted=32)
    assert {"together", "together gate tests of 3", "together gate tests of 2"} <= names.keys()


def test_a_red_gate_vetoes_the_change_after_the_fix_rounds(make_repository: Make) -> None:
    submit = {"submit_work": {"summary": "add bad.txt"}}
    bad = [[{"edit": {"path": "bad.txt", "old": "", "new": "x"}}], [submit], [submit], [submit]]
    root = make_repository({"A-1": {}}, {"A-1": {"C2": bad}}, {"tests": "test ! -e bad.txt"})
    state, batch = run(root)
    judgement = batch.judgement("A-1", 1)
    assert state.name == "Completed"
    assert judgement and judgement.verdict is Verdict.VETOED
    assert judgement.vetoes == ("tests: 1 failing: tests",)
    document = json.loads((batch.folder / "review.json").read_text())
    assert [(row["ready"], row["verdict"]) for row in document["queue"]] == [(False, "vetoed")]


def test_what_is_stacked_on_a_vetoed_change_is_blocked(make_repository: Make) -> None:
    submit = {"submit_work": {"summary": "add bad.txt"}}
    bad = [[{"edit": {"path": "bad.txt", "old": "", "new": "x"}}], [submit], [submit], [submit]]
    root = make_repository(
        {"A-1": {}, "A-2": {"dependencies": ["A-1"]}}, {"A-1": {"C2": bad}}, {"tests": "test ! -e bad.txt || exit 1"}
    )
    _, batch = run(root)
    judgement = batch.judgement("A-2", 1)
    assert judgement and (judgement.verdict, judgement.blocked_by) == (Verdict.BLOCKED_BY, "A-1")


def test_without_gates_nothing_is_ready(make_repository: Make) -> None:
    root = make_repository({"A-1": {}})
    settings = yaml.safe_load((root / "nightwork.yaml").read_text())
    (root / "nightwork.yaml").write_text(yaml.safe_dump({**settings, "gates": []}))
    _, batch = run(root)
    assert batch.state().items["A-1"].verdict is Verdict.NOT_RUN
    assert json.loads((batch.folder / "review.json").read_text())["queue"][0]["ready"] is False


def test_an_answer_is_taken_up_where_the_ticket_stopped(make_repository: Make) -> None:
    goes_on = [*ASKS, [{"submit_plan": {"approach": "go left"}}]]
    root = make_repository({"A-1": {}, "A-2": {"dependencies": ["A-1"]}}, {"A-1": {"C1": goes_on}})
    state, batch = run(root)
    assert state.name == "Incomplete"
    review_stage.answer(batch, "A-1", "left", "please")
    state, _ = run(root, batch.id)
    assert state.name == "Completed"
    said = (batch.attempt_folder("A-1", 1) / "trajectory.jsonl").read_text()
    assert said.count('"submit_scope"') == 1
    assert "left: please" in said


def test_what_a_resume_finds_done_is_not_done_again(make_repository: Make) -> None:
    root = make_repository({"A-1": {}, "A-2": {}}, {"A-2": {"C0": []}})
    state, batch = run(root)
    assert (state.name, batch.state().items["A-2"].status) == ("Incomplete", Status.FAILED)
    before = batch.change("A-1", 1), (batch.attempt_folder("A-1", 1) / "trajectory.jsonl").read_text()
    script = yaml.safe_load((root / "script.yaml").read_text())
    script["A-2"]["C0"] = [[{"submit_scope": {"objective": "add", "in_scope": ["it"]}}]]
    (root / "script.yaml").write_text(json.dumps(script, indent=1))
    state, _ = run(root, batch.id)
    assert state.name == "Incomplete"
    state, _ = run(root, batch.id, retry_failed=True)
    assert state.name == "Completed"
    assert batch.state().items["A-2"].attempt == 2
    assert before == (batch.change("A-1", 1), (batch.attempt_folder("A-1", 1) / "trajectory.jsonl").read_text())


def test_requested_changes_become_a_second_commit_in_the_next_batch(make_repository: Make) -> None:
    root = make_repository({"A-1": {}})
    _, first = run(root)
    review_stage.decide(first, "A-1", Kind.REQUEST_CHANGES, "name it better")
    script = yaml.safe_load((root / "script.yaml").read_text())
    script["A-1"]["C2"][0] = [{"edit": {"path": "A-1.txt", "old": "A-1", "new": "better"}}]
    (root / "script.yaml").write_text(json.dumps(script, indent=1))
    _, second = run(root)
    one, two = first.change("A-1", 1), second.change("A-1", 2)
    assert second.id != first.id
    assert one and two and two.parent == one.commit
    assert "name it better" in (second.attempt_folder("A-1", 2) / "trajectory.jsonl").read_text()


def test_a_spent_budget_aborts_what_is_left_and_keeps_the_rest(make_repository: Make) -> None:
    root = make_repository({"A-1": {}})
    state, batch = run(root, budget_usd=0)
    outcome = batch.state().items["A-1"]
    assert state.name == "Aborted"
    assert (outcome.status, outcome.reason) == (Status.ABORTED, Reason.BUDGET)
    assert batch.manifest().status is BatchStatus.ABORTED


def test_a_stage_that_breaks_does_not_stop_the_review_and_is_told(make_repository: Make) -> None:
    root = make_repository({"A-1": {}, "A-2": {}}, {"A-2": {"C1": ASKS}})
    _, batch = run(root)
    (batch.folder / "checkpoint.json").write_text("{")
    state = overnight(str(root), batch.id, return_state=True)
    assert not state.is_completed()
    assert (batch.folder / "checkpoint.json").read_text() == "{"


def test_a_report_that_the_server_does_not_take_ends_nothing() -> None:
    for error in (httpx.ConnectError("refused"), PrefectException("503"), OSError("reset")):
        with best_effort(logging.getLogger("nightwork"), "a report was not kept"):
            raise error
    with pytest.raises(ZeroDivisionError), best_effort(logging.getLogger("nightwork"), "a report was not kept"):
        raise ZeroDivisionError  # a fault of ours is not hidden
