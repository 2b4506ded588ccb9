"""Decisions in the Prefect UI, through a real server: the requests are those that its form sends."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Crashed, Scheduled

from flows.cli import run_command
from flows.decision import decision
from flows.overnight import overnight
from flows.review import review
from nightwork.batch import Batch, newest
from nightwork.decision import Kind
from nightwork.manifest import BatchStatus
from nightwork.stages import review as stage

pytestmark = pytest.mark.usefixtures("server")

CONTEXT = {"tried": "reading", "why": "both fit", "blocks": "the work"}
OPTIONS = [{"name": "left", "description": "go left"}, {"name": "right", "description": "go right"}]
ASK = [{"escalate": {
    "trigger": "uncertainty", "summary": "left or right?", "context": CONTEXT, "options": OPTIONS,
    "recommendation": "left",
}}]  # fmt: skip
PLAN = [{"submit_plan": {"approach": "go on"}}]
Make = Callable[..., Path]


@pytest.fixture
def deployment() -> Iterator[UUID]:
    """Deploy the flow `decision`, as `nightwork up` does, for one test."""
    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow(decision), "decision", entrypoint="flows.decision.decision")
        yield made
        client.delete_deployment(made)


def night(root: Path) -> Batch:
    overnight(str(root), return_state=True)
    batch = newest(root)
    assert batch is not None
    return batch


def api(method: str, path: str, **body: Any) -> Any:
    for _ in range(20):
        answer = httpx.request(method, f"{get_current_settings().api.url}/{path}", json=body or None, timeout=30)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:  # SQLite was locked, nothing was changed
            break
        time.sleep(0.5)
    answer.raise_for_status()
    return answer.json()


def runs(batch: Batch) -> dict[str, FlowRun]:
    """Return the newest run for each ticket."""
    found = api("POST", "flow_runs/filter", flow_runs={"tags": {"all_": [f"batch:{batch.id}"]}}, sort="START_TIME_ASC")
    mine = [FlowRun.model_validate(each) for each in found if each["parameters"]["repo"] == str(batch.repository)]
    return {run.parameters["ticket"]: run for run in sorted(mine, key=lambda run: str(run.created))}


def execute(run: FlowRun) -> FlowRun:
    """Do what a worker's process does with a run."""
    with get_client(sync_client=True) as client:
        with contextlib.suppress(Pause):
            run_flow(decision, flow_run=client.read_flow_run(run.id), parameters=run.parameters, return_type="state")
        return client.read_flow_run(run.id)


def press_resume(run: FlowRun, **entered: str) -> dict[str, Any]:
    """Send what the form in the UI sends."""
    return api("POST", f"flow_runs/{run.id}/resume", run_input=entered)


def answered(run: FlowRun, **entered: str) -> FlowRun:
    assert press_resume(run, **entered)["status"] == "ACCEPT"
    return execute(run)


def form_of(run: FlowRun) -> tuple[str, dict[str, Any]]:
    """Return the description and the fields of the form that a suspended run shows."""
    assert run.state
    keys = run.state.state_details.run_input_keyset or {}
    with get_client(sync_client=True) as client:
        read = {
            name: json.loads(client.read_flow_run_input(run.id, key))
            for name, key in keys.items()
            if name != "response"
        }
    return read["description"], read["schema"]["properties"]


def told(run: FlowRun) -> tuple[str | None, str]:
    return run.state_name, run.state.message if run.state else ""


@pytest.mark.usefixtures("deployment")
def test_each_thing_to_decide_has_one_run_however_often_the_review_is_made(make_repository: Make) -> None:
    tickets = {"A-1": {}, "A-2": {"dependencies": ["A-1"]}, "A-3": {"priority": "critical"}, "A-4": {}}
    batch = night(make_repository({**tickets, "A-5": {}}, {"A-4": {"C1": [ASK]}, "A-5": {"C1": []}}))
    found = runs(batch)
    assert {name: run.name for name, run in found.items()} == {
        "A-1": f"A-1 merge request · {batch.repository.name} {batch.id}",
        "A-2": f"A-2 merge request · {batch.repository.name} {batch.id}",
        "A-3": f"A-3 merge request · {batch.repository.name} {batch.id}",
        "A-4": f"A-4 escalation · {batch.repository.name} {batch.id}",
    }
    assert [sorted(found[f"A-{n}"].tags)[2] for n in (1, 2, 3, 4)] == [
        "remind-4h",
        "remind-24h",
        "remind-1h",
        "remind-24h",
    ]
    review(str(batch.repository), batch.id)
    review(str(batch.repository), batch.id)
    assert len(api("POST", "flow_runs/filter", flow_runs={"tags": {"all_": [f"batch:{batch.id}", "ticket:A-1"]}})) == 1
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(found["A-1"].id, Cancelled(), force=True)
        client.set_flow_run_state(found["A-2"].id, Crashed(), force=True)
    review(str(batch.repository), batch.id)
    again = runs(batch)
    assert again["A-1"].id == found["A-1"].id
    assert again["A-2"].id != found["A-2"].id


def test_a_server_without_the_deployment_is_asked_nothing(
    make_repository: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "nightwork"):
        batch = night(make_repository({"A-1": {}}))
    assert (runs(batch), caplog.records) == ({}, [])


@pytest.mark.usefixtures("deployment")
def test_what_is_decided_in_the_form_stands_where_the_command_line_writes_it(make_repository: Make) -> None:
    tickets: dict[str, Any] = {"A-1": {"title": "Add <b>one</b>"}, "A-2": {}, "A-3": {}, "A-4": {}}
    batch = night(make_repository(tickets, {"A-4": {"C1": [ASK, PLAN]}}))
    asked = {name: execute(run) for name, run in runs(batch).items()}
    assert {run.state_name for run in asked.values()} == {"Suspended"}
    assert asked["A-1"].state and asked["A-1"].state.state_details.pause_timeout is None
    description, fields = form_of(asked["A-1"])
    assert "A-1: Add \\<b\\>one\\</b\\>" in description
    assert "git merge --no-ff agent/A-1" in description
    assert fields["decision"]["enum"] == ["approve", "request changes", "reject"]
    assert form_of(asked["A-4"])[1]["option"]["enum"] == ["left", "right"]

    refused = press_resume(asked["A-1"], decision="merge", comment="", name="")
    assert (refused["status"], "is not one of" in refused["details"]["reason"]) == ("REJECT", True)
    ends = {
        "A-1": answered(asked["A-1"], decision="approve", comment="fine", name="Ann \x1b[2J"),
        "A-2": answered(asked["A-2"], decision="request changes", comment="name it better"),
        "A-3": answered(asked["A-3"], decision="reject"),
    }
    assert batch.manifest().status is BatchStatus.COMPLETED
    ends["A-4"] = answered(asked["A-4"], option="right", comment="please", name="Bo")
    assert {name: run.state_name for name, run in ends.items()} == {
        "A-1": "Approve", "A-2": "RequestChanges", "A-3": "Reject", "A-4": "Answer"
    }  # fmt: skip
    assert "14:00" in told(ends["A-4"])[1]
    assert [(d.ticket, d.kind, d.option, d.message, d.by) for d in batch.decisions.all()] == [
        ("A-1", Kind.APPROVE, None, "fine", "Ann [2J (Prefect UI)"),
        ("A-2", Kind.REQUEST_CHANGES, None, "name it better", "Prefect UI"),
        ("A-3", Kind.REJECT, None, "", "Prefect UI"),
        ("A-4", Kind.ANSWER, "right", "please", "Bo (Prefect UI)"),
    ]
    assert batch.manifest().status is BatchStatus.REVIEWED


@pytest.mark.usefixtures("deployment")
def test_what_cannot_be_taken_is_asked_again_and_only_the_newest_form_counts(make_repository: Make) -> None:
    batch = night(make_repository({"A-1": {}, "A-2": {"dependencies": ["A-1"]}}))
    asked = {name: execute(run) for name, run in runs(batch).items()}
    first = answered(asked["A-1"], decision="request changes", comment=" ")
    second = answered(asked["A-2"], decision="approve")
    assert (first.state_name, second.state_name) == ("Suspended", "Suspended")
    assert form_of(first)[0].startswith("> **That was not taken:** comment (-m): say which changes")
    assert "its branch holds A-1, which is not decided" in form_of(second)[0]
    assert batch.decisions.all() == []
    assert answered(first, decision="approve").state_name == "Approve"
    assert answered(second, decision="reject").state_name == "Reject"  # though the approval could be taken by now
    assert [decision.kind for decision in batch.decisions.all()] == [Kind.APPROVE, Kind.REJECT]


@pytest.mark.usefixtures("deployment")
def test_the_first_decision_holds_and_the_other_is_told(
    make_repository: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository({"A-1": {}, "A-2": {}, "A-3": {}})
    batch = night(root)
    asked = {name: execute(run) for name, run in runs(batch).items()}
    monkeypatch.setenv("PREFECT_API_URL", str(get_current_settings().api.url))
    assert run_command(["decide", "A-1", "reject", "--repo", str(root)]) == 0
    name, message = told(runs(batch)["A-1"])
    assert (name, message.startswith("reject by command line at 20")) == ("DecidedBefore", True)

    assert press_resume(asked["A-2"], decision="approve")["status"] == "ACCEPT"
    stage.decide(batch, "A-2", Kind.REJECT, "no")
    review(str(root), batch.id)
    assert runs(batch)["A-2"].state_name == "Resuming"  # a person has answered: the run itself tells
    assert told(execute(asked["A-2"]))[0] == "DecidedBefore"

    answered(asked["A-3"], decision="approve", name="Ann")
    capsys.readouterr()
    assert run_command(["decide", "A-3", "reject", "--repo", str(root)]) == 1
    assert "A-3 was decided already: approve by Ann (Prefect UI) at 20" in capsys.readouterr().err
    assert run_command(["decide", "A-3", "approve", "--repo", str(root)]) == 0
    assert "approve by Ann (Prefect UI)" in capsys.readouterr().err
    assert [(d.ticket, d.kind) for d in batch.decisions.all()] == [
        ("A-1", Kind.REJECT), ("A-2", Kind.REJECT), ("A-3", Kind.APPROVE)
    ]  # fmt: skip


@pytest.mark.usefixtures("deployment")
def test_an_answer_to_an_old_question_is_not_taken_for_the_new_one(make_repository: Make) -> None:
    other = [{"escalate": {**ASK[0]["escalate"], "summary": "up or down?"}}]
    root = make_repository({"A-1": {}}, {"A-1": {"C1": [ASK, other, PLAN]}})
    batch = night(root)
    old = execute(runs(batch)["A-1"])
    assert press_resume(old, option="left")["status"] == "ACCEPT"
    stage.answer(batch, "A-1", "right", "")
    overnight(str(root), batch.id, return_state=True)
    new = runs(batch)["A-1"]
    assert new.id != old.id
    assert told(execute(old))[0] == "Superseded"
    assert "up or down?" in form_of(execute(new))[0]
    assert [(taken.option, taken.escalation) for taken in batch.decisions.all()] == [("right", 0)]


@pytest.mark.usefixtures("deployment")
def test_a_retry_in_the_ui_asks_anew(make_repository: Make) -> None:
    batch = night(make_repository({"A-1": {}}))
    run = execute(runs(batch)["A-1"])
    answered(run, decision="request changes")
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, Crashed(), force=True)
        client.set_flow_run_state(run.id, Scheduled(name="AwaitingRetry"))
    run = execute(run)
    assert run.state_name == "Suspended"
    assert answered(run, decision="approve").state_name == "Approve"


@pytest.mark.usefixtures("deployment")
def test_a_process_of_its_own_asks_and_another_takes_the_answer(make_repository: Make, tmp_path: Path) -> None:
    batch = night(make_repository({"A-1": {}}))
    run = runs(batch)["A-1"]
    environment = {**os.environ, "PREFECT_API_URL": str(get_current_settings().api.url)}
    with get_client(sync_client=True) as client:
        for entered, ends in ((None, "Suspended"), ({"decision": "approve"}, "Approve")):
            if entered:
                press_resume(run, **entered)
            done = subprocess.run(
                [sys.executable, "-m", "prefect", "flow-run", "execute", str(run.id)],
                cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            run = client.read_flow_run(run.id)
            assert run.state_name == ends, done.stdout + done.stderr
    assert run.name == f"A-1 merge request · {batch.repository.name} {batch.id}"
