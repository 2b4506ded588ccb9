"""What a run of a deployment does otherwise than one by hand: it is bound to its batch, it waits, it may do nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from deployed import create, start
from prefect import State, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Pending, Running, Scheduled, Suspended

from flows.answers import answers
from flows.gates import gates
from flows.generation import generation
from flows.intake import intake
from flows.overnight import overnight
from flows.recover import recover
from flows.review import review
from flows.wiring import cancelling, runs
from nightwork.batch import batches
from nightwork.checkpoint import BatchState
from nightwork.errors import BadInput
from nightwork.manifest import BatchStatus
from nightwork.outcome import Outcome, Reason, Status
from nightwork.settings import RunOptions

pytestmark = pytest.mark.usefixtures("server")
Make = Callable[..., Path]


def name_of(run: object) -> str:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).name  # type: ignore[arg-type]


def test_a_run_that_is_tried_again_goes_on_with_its_batch(make_repository: Make) -> None:
    root = make_repository({"A": {}})
    run = create(overnight, repo=str(root))
    assert start(overnight, run).is_completed()
    (batch,) = batches(root)
    assert re.fullmatch(rf"overnight-{batch.id}-\d{{14}}", name_of(run))
    state: BatchState = batch.state()
    state.items["A"] = Outcome(status=Status.ABORTED, reason=Reason.STOPPED)
    batch.save(state)
    batch.tell_manifest(state, BatchStatus.ABORTED)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Scheduled(name="AwaitingRetry"), force=True)
    assert start(overnight, run).is_completed()
    assert batches(root) == [batch]
    assert batch.state().items["A"].status is Status.COMPLETED
    assert re.fullmatch(rf"overnight-{batch.id}-\d{{14}}", name_of(run))


HOLDER = """
import sys, time
from pathlib import Path
from nightwork.lock import hold
with hold(Path(sys.argv[1]), "another run"):
    print("held", flush=True)
    while not Path(sys.argv[2]).exists():
        time.sleep(0.05)
"""


def test_a_run_of_a_schedule_waits_for_the_one_before_it(make_repository: Make, tmp_path: Path) -> None:
    root, may_end = make_repository({"A": {}}), tmp_path / "may end"
    run = create(overnight, repo=str(root))
    with subprocess.Popen([sys.executable, "-c", HOLDER, root, may_end], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BadInput, match="another run"):
            overnight(str(root))
        threading.Timer(3.0, may_end.touch).start()
        assert start(overnight, run).is_completed()
    (batch,) = batches(root)
    assert (batch.folder / "manifest.yaml").stat().st_mtime_ns > may_end.stat().st_mtime_ns


def test_a_run_that_waits_for_another_can_be_cancelled(
    make_repository: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "_LOOK_EVERY_S", 0.2)
    root, may_end = make_repository({"A": {}}), tmp_path / "may end"
    run = create(overnight, repo=str(root))
    with (
        subprocess.Popen([sys.executable, "-c", HOLDER, root, may_end], stdout=subprocess.PIPE) as holder,
        get_client(sync_client=True) as client,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        canceller = threading.Timer(2.0, client.set_flow_run_state, [run, Cancelling(), True])
        canceller.start()
        start(overnight, run)
        canceller.join()
        assert client.read_flow_run(run).state_name == "Cancelled"
        may_end.touch()
    assert batches(root) == []


def test_stages_that_find_nothing_to_do_say_so(make_repository: Make) -> None:
    root = str(make_repository({"A": {}}))
    for flow in (generation, gates, review, answers):
        state: State[object] = flow(root, return_state=True)
        assert (state.is_completed(), state.name) == (True, "NothingToDo"), flow.name


def test_a_schedule_with_no_ready_ticket_ends_well_and_by_hand_it_is_an_error(make_repository: Make) -> None:
    root = make_repository({"A": {"labels": []}})
    state = start(overnight, create(overnight, repo=str(root)))
    assert (state.is_completed(), state.name) == (True, "NothingReady")
    assert str(state.message).startswith("no ticket is ready; 1 unready")
    assert batches(root) == []
    with pytest.raises(BadInput, match="ready-for-agent"):
        intake(str(root))
    refused = start(intake, create(intake, repo=str(root), options={"strict": True}))
    assert refused.is_failed()


def test_agents_of_a_provider_share_its_slots(make_repository: Make, tmp_path: Path) -> None:
    log = tmp_path / "log"
    noted = [{"run": {"command": ["sh", "-c", f"echo begin >> {log}; sleep 0.5; echo end >> {log}"]}}]
    names = ("A", "B", "C")
    done = [{"submit_work": {"summary": "add it", "changes": ["add a file"]}}]
    script = {
        name: {"C2": [noted, [{"edit": {"path": f"{name}.txt", "old": "", "new": "new\n"}}], done]} for name in names
    }
    root = make_repository({name: {} for name in names}, script, sandbox={"confine": False})
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="agents-scripted", limit=1))
        try:
            assert overnight(str(root), return_state=True).is_completed()
        finally:
            client.delete_global_concurrency_limit_by_name("agents-scripted")
    assert log.read_text().split() == ["begin", "end"] * 3


def test_a_cancelled_run_stops_without_a_signal_and_goes_on_when_it_is_tried_again(
    make_repository: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancelling, "_LOOK_EVERY_S", 0.2)
    begun, may_end = tmp_path / "begun", tmp_path / "may_end"
    wait = [{"run": {"command": ["sh", "-c", f"touch {begun}; while [ ! -e {may_end} ]; do sleep 0.1; done"]}}]
    done: list[object] = [
        [{"edit": {"path": "A.txt", "old": "", "new": "new\n"}}],
        [{"submit_work": {"summary": "add it", "changes": ["add a file"]}}],
    ]
    root = make_repository(
        {"A": {}, "B": {"dependencies": ["A"]}}, {"A": {"C2": [wait, *done]}}, sandbox={"confine": False}
    )
    run = create(overnight, repo=str(root))

    def cancel() -> None:
        while not begun.exists():
            time.sleep(0.1)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run, Cancelling(), force=True)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    start(overnight, run)
    canceller.join()
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run).state_name == "Cancelled"
    (batch,) = batches(root)
    assert batch.state().items["A"].reason is Reason.STOPPED
    assert not batch.state().items["B"].has_landed()
    may_end.touch()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Scheduled(name="AwaitingRetry"), force=True)
    assert start(overnight, run).is_completed()
    assert batches(root) == [batch]


def test_a_crashed_run_goes_on_once(make_repository: Make) -> None:
    run = create(overnight, repo=str(make_repository({"A": {}})))
    assert recover(run, return_state=True).name == "NothingToDo"
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Crashed(), force=True)
        assert recover(run, return_state=True).name == "Completed"
        assert client.read_flow_run(run).state_name == "AwaitingRetry"
        client.set_flow_run_state(run, Crashed(), force=True)
        given_up: State[object] = recover(run, return_state=True)
        assert (given_up.name, client.read_flow_run(run).state_name) == ("GivenUp", "Crashed")


@pytest.mark.parametrize("before", [Cancelling, Cancelled])
def test_a_run_that_was_cancelled_does_not_go_on_however_its_process_ended(
    make_repository: Make, before: Callable[[], State[object]]
) -> None:
    run = create(overnight, repo=str(make_repository({"A": {}})))
    with get_client(sync_client=True) as client:
        for state in (Running(), before(), Crashed(message="Execution was aborted by an interrupt signal.")):
            client.set_flow_run_state(run, state, force=True)
        assert recover(run, return_state=True).is_completed()
        assert client.read_flow_run(run).state_name == "Cancelled"
        for state in (Scheduled(name="AwaitingRetry"), Running(), Crashed()):
            client.set_flow_run_state(run, state, force=True)
        assert recover(run, return_state=True).is_completed()
        assert client.read_flow_run(run).state_name == "AwaitingRetry"


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (Pending(), "Crashed"),
        (Running(), "Crashed"),
        (State(type=StateType.CANCELLING), "Cancelled"),
        (Suspended(), "Suspended"),
        (Completed(), "Completed"),
        (Scheduled(), "Scheduled"),
    ],
    ids=lambda state: state if isinstance(state, str) else state.type.lower(),
)
def test_only_a_run_that_should_give_a_sign_of_life_is_missed(
    make_repository: Make, state: State[object], after: str
) -> None:
    run = create(overnight, repo=str(make_repository({"A": {}})))
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, state, force=True)
        recover(run, is_silent=True)
        assert client.read_flow_run(run).state_name == after


def test_the_stages_of_a_crashed_run_do_not_look_as_if_they_went_on(make_repository: Make) -> None:
    run = create(overnight, repo=str(make_repository({"A": {}})))
    assert start(overnight, run).is_completed()
    stages = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run]))
    with get_client(sync_client=True) as client:
        stage = next(each for each in client.read_flow_runs(flow_run_filter=stages) if each.name.startswith("gates"))
        client.set_flow_run_state(stage.id, Running(), force=True)
        client.set_flow_run_state(run, Crashed(), force=True)
        recover(run)
        assert sorted(each.state_name or "" for each in client.read_flow_runs(flow_run_filter=stages)) == [
            "Completed",
            "Completed",
            "Completed",
            "Crashed",
        ]


def test_a_run_by_hand_that_crashed_is_left_to_whoever_started_it(make_repository: Make) -> None:
    state: State[object] = overnight(
        str(make_repository({"A": {}})), None, RunOptions(max_tickets=1), return_state=True
    )
    assert state.state_details.flow_run_id is not None
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(state.state_details.flow_run_id, Crashed(), force=True)
        given_up: State[object] = recover(state.state_details.flow_run_id, return_state=True)
    assert "nightwork resume" in str(given_up.message)
    assert runs.patience_s() == 0.0
