"""Operations over a track through Prefect: what the runs show, how they end, and that a killed one goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, State, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.settings import get_current_settings

from flows.fix_review import fix_review
from flows.orchestrate import orchestrate
from flows.research import research
from flows.tracking.places import next_step, places
from flows.tracking.run import Run
from nightwork.errors import BadInput
from nightwork.files import read_records
from nightwork.shown import Unended
from nightwork.track.result import TrackResult
from nightwork.track_settings import TrackOptions
from tests.tracks import fix, make_track, review, written

pytestmark = pytest.mark.usefixtures("server")
LESSONS = tuple(f"lesson{number}" for number in range(1, 5))
IDS = [f"{number:03}-{name}" for number, name in enumerate(LESSONS, 1)]
MENDED = {"review 0": review(5), "fix 1": fix("# New\n"), "review 1": review(9)}
SCRIPTS: dict[str, dict[str, Any]] = {
    "fix-review": MENDED,
    "research": {"research": written("# Sources\n\nA book.\n", "submit_research")},
    "orchestrate": {"review 0": review(5), "phase text": written("# New\n"), "review 1": review(9)},
}
FLOWS: dict[str, Flow[..., State[Any]]] = {"fix-review": fix_review, "research": research, "orchestrate": orchestrate}


def track(folder: Path, operation: str = "fix-review", **modules: Any) -> Path:
    script = dict.fromkeys(IDS, SCRIPTS[operation]) | {IDS[int(key[1:]) - 1]: said for key, said in modules.items()}
    wanted = {"path": "research/{name}.md", "sections": ["Sources"]}
    made = make_track(
        folder / "a-folder-of-another-name",
        LESSONS,
        script,
        research=wanted,
        phases=[{"name": "text", "prompt": "text.txt"}],
    )
    (made / "text.txt").write_text("Write $name.")
    return made


def run(operation: str, folder: Path, **options: Any) -> tuple[State[Any], TrackResult]:
    state = FLOWS[operation](str(folder), 1, len(LESSONS), TrackOptions(**options), return_state=True)
    result = state.result(raise_on_failure=False)
    found = result.result if isinstance(result, Unended) else result
    assert isinstance(found, TrackResult), found
    return state, found


def test_a_run_shows_its_modules_and_their_steps_and_ends_by_what_came_of_them(tmp_path: Path) -> None:
    folder = track(tmp_path, _2={"review 0": review(9)}, _3={"review 0": review(6, needs_person="Which?")}, _4={})
    state, result = run("fix-review", folder)
    assert (state.name, result.counts()) == ("Incomplete", {"completed": 2, "escalated": 1, "failed": 1})
    run_id = state.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(run_id)
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        tasks = {each.name: each.state_name for each in client.read_task_runs(flow_run_filter=chosen)}
        kept = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id])))
    assert re.fullmatch(r"fix-review-course-1-4-\d{14}", flow_run.name)
    assert {"nightwork", "track", "track:course"} <= set(flow_run.tags)
    assert tasks[IDS[0]] == "Completed"
    assert tasks[IDS[2]] == "Escalated"
    assert tasks[IDS[3]] == "Failed"
    steps = ["audit 0", "review 0", "fix 1", "audit 1", "review 1"]
    assert {f"{IDS[0]} {step}" for step in steps} <= set(tasks)
    keys = {each.key for each in kept}
    assert {"fix-review", *(f"transcript-course-{name}" for name in IDS)} <= keys
    assert (flow_run.labels["nightwork.total"], flow_run.labels["nightwork.completed"]) == (4, 2)
    told = Run.of(flow_run, "fix-review")
    assert (told.folder, told.range) == (str(folder), "course 1-4")
    assert dict(places(told, None)) == {
        "checkpoint": str(folder / result.checkpoint),
        "report": str(folder / result.report),
    }
    assert f"nightwork fix-review {folder} 1 4" in next_step(told)


def test_bad_input_ends_a_run_as_refused_with_every_fault(tmp_path: Path) -> None:
    folder = track(tmp_path)
    state = fix_review(str(folder), 3, 9, return_state=True)
    assert state.name == "Refused"
    assert isinstance(state.result(raise_on_failure=False), BadInput)
    assert not (folder / ".checkpoints").exists()


@pytest.mark.parametrize("operation", FLOWS)
def test_a_killed_run_goes_on_and_asks_nothing_twice(operation: str, tmp_path: Path) -> None:
    folder = track(tmp_path, operation)
    last = {"fix-review": "review 0", "research": "research", "orchestrate": "phase text"}[operation]
    program = (
        f"import sys; from flows.{operation.replace('-', '_')} import {operation.replace('-', '_')} as flow;"
        f"flow(sys.argv[1], 1, {len(LESSONS)}, return_state=True)"
    )
    url = str(get_current_settings().api.url)
    environment = {**os.environ, "PREFECT_API_URL": url}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], env=environment, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and last not in ended_steps(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it was killed in the middle"
    state, result = run(operation, folder)
    assert (state.type, result.counts()) == (StateType.COMPLETED, {"completed": 4})
    asked = Counter(
        (path.parts[-3], record["stage"], json.dumps(record["message"], sort_keys=True))
        for path in folder.glob(".nightwork/tracks/*/*/*/try-*/trajectory.jsonl")
        for record in read_records(path)
        if record["kind"] == "assistant"
    )
    assert max(asked.values()) == 1
    texts = {path.read_text() for path in (folder / "lessons").glob("*.md")}
    assert texts == ({"# A lesson\n\nAs it was.\n"} if operation == "research" else {"# New\n"})


def ended_steps(folder: Path) -> set[str]:
    """Return the steps that have ended in any module."""
    lines = [
        line
        for path in folder.glob(".nightwork/tracks/*/*/*/try-*/trajectory.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
        if '"kind":"accepted"' in line and line.endswith("}")
    ]
    return {json.loads(line)["stage"] for line in lines}
