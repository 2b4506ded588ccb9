"""What the batch manager tells of runs is true, whatever became of their processes."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployed import create, start
from prefect import State, flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelling, Completed, Crashed, Pending, Running, Scheduled, Suspended
from rich.console import Console

from flows.control.data import deployments
from flows.overnight import overnight
from flows.review import review
from flows.tracking.finding import run_of, runs
from flows.tracking.places import next_step, places
from flows.tracking.run import OPERATIONS, Run
from flows.tracking.stopping import stop_run
from flows.tracking.terminal import table, whole
from flows.wiring.told import _tags, alone, as_outermost, progress
from nightwork.batch import batches
from nightwork.errors import BadInput
from nightwork.outcome import Outcome, Status
from nightwork.sandbox.mark import Mark, start_of, stat_of
from nightwork.sandbox.tree import descendants

pytestmark = pytest.mark.usefixtures("server")
Make = Callable[..., Path]
Begin = Callable[[uuid.UUID], subprocess.Popen[bytes]]


@pytest.fixture
def client(server: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def process() -> Iterator[Begin]:
    """Start a process that ignores what it is asked, with a child that does too; it bears the sign of a run."""
    loop = "while :; do sleep 1; done"
    ignoring = f"trap '' TERM INT; sh -c \"trap '' TERM INT; echo begun; {loop}\" & wait; {loop}"
    with contextlib.ExitStack() as started:

        def begin(run: uuid.UUID) -> subprocess.Popen[bytes]:
            sign = os.memfd_create(f"nightwork-{run}")
            found = subprocess.Popen(
                ["sh", "-c", ignoring], stdout=subprocess.PIPE, start_new_session=True, pass_fds=[sign]
            )
            os.close(sign)
            started.enter_context(found)
            started.callback(_end, found)
            assert found.stdout is not None
            assert found.stdout.readline() == b"begun\n"
            return found

        yield begin


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)


def mark_of(pid: int) -> Mark:
    return replace(Mark.here(), pid=pid, start=start_of(stat_of(pid)) or "1")


def made(client: SyncPrefectClient, state: State[Any], mark: Mark | None = None, **labels: Any) -> FlowRun:
    """Make a run that some process works on, as that would have told it."""
    name = f"overnight-{uuid.uuid4().hex}-20260115180000"
    run = client.create_flow_run(overnight, name=name, parameters={"repo": ".", "batch_id": "b"}, state=state)
    tell(client, run, mark, **labels)
    return run


def tell(client: SyncPrefectClient, run: FlowRun, mark: Mark | None, **labels: Any) -> None:
    told = (
        {"process": str(mark), "host": "a-host", "began_at": datetime.now(UTC).isoformat(), "is_alone": True}
        if mark
        else {}
    )
    client.update_flow_run_labels(run.id, {f"nightwork.{name}": value for name, value in {**told, **labels}.items()})


def told(client: SyncPrefectClient, run: FlowRun) -> Run:
    return run_of(client, run.name, [])


def test_a_run_tells_what_it_is_and_how_far(make_repository: Make, client: SyncPrefectClient) -> None:
    root = make_repository({"A": {}, "B": {"dependencies": ["A"]}, "C": {}}, {"C": {"C2": []}})
    assert overnight(str(root), return_state=True).name == "Incomplete"
    (batch,) = batches(root)
    found = next(run for run in runs(client, [], root))
    assert found.id.startswith(f"overnight-{batch.id}-")
    assert (found.status, found.range, found.done, found.total) == ("incomplete", batch.id, 3, 3)
    assert {status: count for status, count in found.counts.items() if count} == {"completed": 2, "failed": 1}
    assert Mark.read(found.labels["process"]) == Mark.here()
    assert not found.is_alone
    assert dict(places(found, None))["manifest"] == str(batch.folder / "manifest.yaml")
    assert f"nightwork resume {batch.id} --repo {root}" in next_step(found)
    assert [run.id for run in runs(client, [], root)] == [found.id], "stages are no runs of their own"
    assert client.read_flow_run(found.flow_run_id).tags == ["batch", "nightwork"]


def test_a_deployments_run_is_renamed_once_its_batch_is_known_and_keeps_that(
    make_repository: Make, client: SyncPrefectClient
) -> None:
    root = make_repository({"A": {}})
    start(overnight, create(overnight, repo=str(root)))
    run = create(review, repo=str(root))
    assert start(review, run).is_completed()
    name = client.read_flow_run(run).name
    assert name.startswith(f"review-{batches(root)[0].id}-")
    client.set_flow_run_state(run, Scheduled(name="AwaitingRetry"), force=True)
    assert start(review, run).is_completed()
    assert client.read_flow_run(run).name == name


def test_tags_are_those_of_the_deployments() -> None:
    wanted = {each["name"]: set(each["tags"]) for each in deployments() if each["name"] in OPERATIONS}
    assert {name: _tags(name, {}) for name in wanted if "track" not in wanted[name]} == {
        name: tags for name, tags in wanted.items() if "track" not in tags
    }
    assert _tags("fix-review", {"track": "b1"}) == {"nightwork", "track", "track:b1"}


def test_the_time_that_is_left_follows_from_this_run_alone() -> None:
    now = datetime.now(UTC)
    labels: dict[str, Any] = {
        "total": 92,
        "counted_from": (now - timedelta(minutes=10)).isoformat(),
        "settled_before": 40,
    }
    run = Run("x", None, "fix-review", "running", "", labels=labels | {"completed": 50, "skipped": 2, "pending": 40})
    assert run.left_s(now) == pytest.approx(40 * 60)
    nothing = Run("x", None, "fix-review", "running", "", labels=labels | {"completed": 40, "pending": 52})
    assert nothing.left_s(now) is None


def test_what_was_aborted_is_not_done_and_the_command_that_goes_on_has_the_flags_of_the_run() -> None:
    options = {"model": "scripted:a b", "parallel": 2, "reviewer": None, "deadline": "2026-01-01", "no_sandbox": True}
    about = {"track": "/b 1", "start": 1, "end": 9, "options": options}
    labels: dict[str, Any] = {"total": 9, "completed": 2, "failed": 1, "aborted": 6}
    run = Run("x", uuid.uuid4(), "fix-review", "aborted", "", about, labels, StateType.FAILED)
    assert (run.done, run.total, run.range) == (3, 9, "b 1 1-9")
    command = "nightwork fix-review '/b 1' 1 9 '--model=scripted:a b' --parallel=2 --no-sandbox"
    assert next_step(run) == f"`{command}` goes on where it ended"


@pytest.mark.parametrize(
    ("state", "status", "after"),
    [
        (Running(), "crashed", StateType.CRASHED),
        (State(type=StateType.CANCELLING), "cancelled", StateType.CANCELLED),
        (Completed(), "completed", StateType.COMPLETED),
        (Suspended(), "suspended", StateType.PAUSED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_whose_process_is_gone_is_never_told_as_running(
    client: SyncPrefectClient, state: State[Any], status: str, after: StateType
) -> None:
    run = made(client, state, replace(Mark.here(), start="1"))
    assert told(client, run).status == status
    assert client.read_flow_run(run.id).state_type is after


def test_a_run_that_was_begun_anew_is_not_judged_by_the_process_of_before(client: SyncPrefectClient) -> None:
    run = made(client, Running(), replace(Mark.here(), start="1"), began_at="2026-01-01T00:00:00+00:00")
    assert told(client, run).status == "running"
    assert made(client, Pending()).state_type is StateType.PENDING


def test_of_another_machine_only_the_signs_of_life_tell(client: SyncPrefectClient) -> None:
    run = made(client, Running(), replace(Mark.here(), machine="another"))
    assert told(client, run).message == "on a-host; whether it lives cannot be told from here"
    for ago, status in ((10, "running, no sign of life for 10 min"), (1, "running")):
        occurred = datetime.now(UTC) - timedelta(minutes=ago)
        event = {
            "id": str(uuid.uuid4()),
            "occurred": occurred.isoformat(),
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run.id}"},
        }
        client.request("POST", "/events", json=[event])
        deadline = time.monotonic() + 60  # events are written some seconds later
        while told(client, run).status != status and time.monotonic() < deadline:
            time.sleep(0.2)
        assert (told(client, run).status, told(client, run).message) == (status, "on a-host")
    assert client.read_flow_run(run.id).state_type is StateType.RUNNING


def test_an_id_is_a_name_its_unique_beginning_or_a_uuid(client: SyncPrefectClient) -> None:
    run, other = made(client, Completed()), made(client, Completed())
    for text in (run.name, run.name[:30], str(run.id)):
        assert run_of(client, text, []).flow_run_id == run.id
    with pytest.raises(BadInput, match=r"\d+ runs begin so"):
        run_of(client, "overnight-", [])
    for text in (f"{other.name}x", "", "\x1b[31m", str(uuid.uuid4())):
        with pytest.raises(BadInput, match=r"there is none of that id; the nearest: (overnight|review)-") as caught:
            run_of(client, text, [])
        assert "\x1b" not in str(caught.value)


def test_names_of_runs_are_text_of_others(client: SyncPrefectClient) -> None:
    run = client.create_flow_run(overnight, name="\x1b[2Jevil; rm -rf $HOME\n[bold]x", state=Completed())
    found = run_of(client, str(run.id), [])
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table([found], datetime.now(UTC), 200))
    console.print(whole(found, datetime.now(UTC), [], [], next_step(replace(found, state_type=StateType.RUNNING))))
    shown = console.export_text()
    assert "\x1b" not in shown
    assert "[bold]x" in shown
    assert "nightwork stop '[2Jevil; rm -rf $HOME [bold]x'" in shown


def test_a_process_that_ignores_the_wish_is_ended_with_its_children(
    client: SyncPrefectClient, process: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.tracking.stopping._ENDS_WITHIN_S", 1.0)
    run = made(client, Running())
    found = process(run.id)
    tell(client, run, mark_of(found.pid))
    begun = descendants(found.pid)
    assert (told(client, run).status, len(begun) > 2) == ("running", True)
    ended = stop_run(client, told(client, run))
    assert (ended.status, ended.message) == (
        "cancelled",
        "stopped, and all that was finished is kept; it had to be ended by force",
    )
    found.wait(10)
    assert not [each for each in begun if start_of(stat_of(each))]
    assert stop_run(client, ended) == ended


def test_a_label_that_names_the_process_of_somebody_else_ends_nothing(
    client: SyncPrefectClient, process: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.tracking.stopping._ENDS_WITHIN_S", 1.0)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        another_run = process(uuid.uuid4())
        for pid in (bystander.pid, another_run.pid, os.getpid(), 1):
            run = made(client, Running(), mark_of(pid))
            asked = stop_run(client, told(client, run))
            assert (asked.status, asked.is_over()) == ("stopping", False)
        assert (bystander.poll(), another_run.poll()) == (None, None)
        assert len(descendants(another_run.pid)) > 2
        bystander.kill()


def test_a_process_that_ends_by_the_wish_without_a_word_has_not_crashed(client: SyncPrefectClient) -> None:
    run = made(client, Running())
    sign = os.memfd_create(f"nightwork-{run.id}")
    with subprocess.Popen(["sleep", "60"], pass_fds=[sign]) as process:
        os.close(sign)
        tell(client, run, mark_of(process.pid))
        assert stop_run(client, told(client, run)).status == "cancelled"
        assert process.wait(10) == -signal.SIGINT


@pytest.mark.parametrize("state", [Scheduled(), Pending(), Suspended(), Cancelling()], ids=lambda state: state.name)
def test_what_has_not_begun_or_waits_is_cancelled(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, state: State[Any]
) -> None:
    monkeypatch.setattr("flows.tracking.stopping._AFAR_WITHIN_S", 1.0)
    run = made(client, state)
    assert stop_run(client, told(client, run)).status == "cancelled"


def test_a_run_whose_process_is_about_to_begin_is_not_called_stopped(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.tracking.stopping._AFAR_WITHIN_S", 1.0)
    run = made(client, Pending())
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "PREFECT__FLOW_RUN_ID": str(run.id)}) as process:
        asked = stop_run(client, told(client, run))
        assert (asked.status, asked.is_over()) == ("stopping", False)
        process.kill()
    assert stop_run(client, told(client, run)).status == "cancelled"


def test_a_run_that_crashes_when_it_is_stopped_is_cancelled(client: SyncPrefectClient) -> None:
    run = made(client, Running(), replace(Mark.here(), machine="another"))

    def crash() -> None:
        while client.read_flow_run(run.id).state_type is not StateType.CANCELLING:
            time.sleep(0.05)
        client.set_flow_run_state(run.id, Crashed(message="Execution was aborted by an interrupt signal."), force=True)

    with ThreadPoolExecutor(1) as pool:
        crashed = pool.submit(crash)
        assert stop_run(client, told(client, run)).status == "cancelled"
        crashed.result()


def test_a_run_elsewhere_is_asked_and_not_called_stopped_before_it_is(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.tracking.stopping._AFAR_WITHIN_S", 0.5)
    run = made(client, Running(), replace(Mark.here(), machine="another"))
    asked = stop_run(client, told(client, run))
    assert (asked.status, asked.is_over()) == ("stopping", False)
    assert client.read_flow_run(run.id).state_type is StateType.CANCELLING


def test_progress_is_told_at_the_end_also_when_the_work_ends_in_an_error(client: SyncPrefectClient) -> None:
    items = {"A": Outcome(status=Status.PENDING), "B": Outcome(status=Status.COMPLETED, cost_usd=0.25)}

    @flow(name="overnight")
    def broken() -> None:
        with alone(None), as_outermost(), progress("b", items) as move:
            items["A"] = Outcome(status=Status.FAILED, cost_usd=0.5)
            move(items)
            raise KeyError("broken")

    state: State[Any] = broken(return_state=True)
    labels = client.read_flow_run(state.state_details.flow_run_id).labels
    told_of = {
        name: labels[f"nightwork.{name}"] for name in ("total", "failed", "completed", "settled_before", "cost_usd")
    }
    assert told_of == {"total": 2, "failed": 1, "completed": 1, "settled_before": 1, "cost_usd": 0.75}
    assert labels["nightwork.is_alone"] is True
