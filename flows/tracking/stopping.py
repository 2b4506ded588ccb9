"""Stopping a run: it is asked first, so that it keeps everything, and ended by force when it does not end.

On this machine a run by hand is asked by one SIGINT, as by Ctrl-C: Prefect takes SIGTERM for itself while a flow or a
stage begins, and would call the run crashed. A second one would cut it off. A run of a deployment, what
shares its process with others, and what cannot be proven to be a run's process is asked through the server: a worker
would take a run that a signal ends before it has begun for a crashed one, and start it again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from prefect import State
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Cancelling

from flows.tracking.finding import again
from flows.tracking.run import OVER, Run
from flows.wiring.cancelling import RUN_VARIABLE
from flows.wiring.ended import STOPPED, set_ended
from nightwork.control import Detached
from nightwork.control.detached import WISH
from nightwork.control.outliving import variable_of
from nightwork.errors import NightworkError
from nightwork.lock import hold
from nightwork.sandbox.mark import Life, Mark
from nightwork.sandbox.tree import descendants, end_tree
from nightwork.workspace import Repository

_ENDS_WITHIN_S = 8.0
_AFAR_WITHIN_S = 20.0
_LEAVES_WITHIN_S = 10.0
_LOCK_WITHIN_S = 2.0
_TOLD_WITHIN_S = 6.0  # a worker looks every three seconds whether the process that it ends has gone
_LOOK_EVERY_S = 0.25
_WAITING = frozenset({StateType.SCHEDULED, StateType.PAUSED})
_KEPT = "stopped, and all that was finished is kept"


def stop_process(note: Detached, *, is_asked: bool = False) -> None:
    """End a run in the background of which no server knows; `is_asked`: it has its signal."""
    process_id = note.pid()
    if not is_asked:
        note.signal(WISH)
    if process_id is not None and not _happens(lambda: note.pid() is None, _ENDS_WITHIN_S):
        end_tree(process_id)


def stop_run(client: SyncPrefectClient, run: Run, *, is_asked: bool = False) -> Run:
    """End a run and return it as it is then; one that is over stays as it is. `is_asked`: its process has its signal.

    A run elsewhere that does not answer is returned as one that is not over.
    """
    if run.is_over() or run.flow_run_id is None:
        return run
    process_id = run.own_process()
    tree = [Mark.of(each) for each in descendants(process_id)] if process_id else []
    _ask(client, run, is_asked=is_asked)
    if _happens(lambda: _is_over(client, run), _ENDS_WITHIN_S if run.life() is Life.LIVES else _AFAR_WITHIN_S):
        _see_out(tree)
        if run.is_deployed:  # told before its worker tells it, a Retry in between would be lost
            _happens(lambda: _is_told(client, run), _TOLD_WITHIN_S)
    elif run.own_process() is not None or (run.is_alone and run.life() is Life.GONE):
        _end_by_force(client, run)
    elif run.has_not_begun() and not _is_starting(run.flow_run_id) and _is_cancelling(client, run.flow_run_id):
        _end_unbegun(client, run)
    ended = again(client, run, is_unwanted=True)
    if ended.state_type is StateType.CRASHED:  # what ends by the wish has not crashed, however it ends
        set_ended(client, run.flow_run_id, Cancelled(message=STOPPED))
        ended = again(client, run)
    return ended


def _ask(client: SyncPrefectClient, run: Run, *, is_asked: bool) -> None:
    if run.state_type in _WAITING:
        _end_unbegun(client, run)
    elif run.own_process() is None or run.is_deployed:
        # A process that is about to begin does not when it finds this, as it would when it found Cancelled.
        assert run.flow_run_id is not None
        client.set_flow_run_state(run.flow_run_id, Cancelling(message="asked to stop by `nightwork stop`"))
    elif not is_asked:
        _signal(run)


def _is_starting(run: UUID) -> bool:
    """Say whether a process of this machine is there for a run; should it find it Cancelled, it begins all the same."""
    processes = (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return any(variable_of(each, RUN_VARIABLE) == str(run) for each in processes)


def _is_cancelling(client: SyncPrefectClient, run: UUID) -> bool:
    return client.read_flow_run(run).state_type is StateType.CANCELLING


def _is_over(client: SyncPrefectClient, run: Run) -> bool:
    """Say whether the server knows of its end, or its process can tell of none any more."""
    return _is_told(client, run) or (run.is_alone and run.life() is Life.GONE)


def _is_told(client: SyncPrefectClient, run: Run) -> bool:
    assert run.flow_run_id is not None
    return client.read_flow_run(run.flow_run_id).state_type in OVER


def _signal(run: Run) -> None:
    process_id = run.own_process()
    if process_id is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, WISH)


def _end_unbegun(client: SyncPrefectClient, run: Run) -> None:
    assert run.flow_run_id is not None
    state: State[None] = Cancelled(message=f"{_KEPT}; it had not begun")
    client.set_flow_run_state(run.flow_run_id, state, force=True)


def _end_by_force(client: SyncPrefectClient, run: Run) -> None:
    """End a process with all that it started; the end is told first, so that its worker does not call it a crash."""
    process_id, run_id = run.own_process(), run.flow_run_id
    state: State[None] = Cancelled(message=f"{_KEPT}; it had to be ended by force")
    assert run_id is not None
    set_ended(client, run_id, state)
    if process_id is not None and run.own_process() == process_id:
        end_tree(process_id)
    _end_leftovers(run)
    time.sleep(_LOOK_EVERY_S)
    if client.read_flow_run(run_id).state_type is not StateType.CANCELLED:
        set_ended(client, run_id, state)


def _see_out(tree: Sequence[Mark]) -> None:
    """Wait until the processes of a run that is over have gone: it flushes events, and its own server ends, last."""
    if not _happens(lambda: not any(each.life() is Life.LIVES for each in tree), _LEAVES_WITHIN_S):
        for each in tree:
            if each.life() is Life.LIVES:
                end_tree(each.pid)


def _end_leftovers(run: Run) -> None:
    """End commands of a run that are no descendants of its process any more: whoever takes the lock does so."""
    with contextlib.suppress(NightworkError, OSError):
        root = Repository.open(Path(run.folder)).root
        if run.folder and (root / ".nightwork").is_dir():
            with hold(root, "stop", patience_s=_LOCK_WITHIN_S):
                pass


def _happens(holds: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
