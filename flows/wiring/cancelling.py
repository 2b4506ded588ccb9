"""A run that is cancelled in the Prefect UI stops, also where nobody sends it a signal.

Prefect's worker watches for what is cancelled over a connection that it gives up half a minute after the server went
away, and a run by hand has no worker: agents would go on, and cost money, after somebody has cancelled them.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections.abc import Iterator
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect import State, get_client
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled

from nightwork import stop

R = TypeVar("R")
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # what a worker of Prefect sets for the process of a run
_LOOK_EVERY_S = 3.0
_TELL_EVERY_S = 0.5
_cancelled: set[UUID] = set()
_UNREACHABLE = (httpx.HTTPError, PrefectException, OSError)


@contextlib.contextmanager
def heeding_cancellation() -> Iterator[None]:
    """Ask everything in this process to stop when the flow run around is cancelled, until the context ends."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        yield
        return
    over, told = threading.Event(), threading.Event()
    run = context.flow_run.id
    _cancelled.discard(run)
    settings = contextvars.copy_context()  # those of the run: the address of its server is among them
    watching = threading.Thread(target=settings.run, args=(_watch, run, over, told), daemon=True, name="cancelling")
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        # A worker sends a signal, after which there may be an end before the next look.
        if told.is_set() or _is_cancelled(run):
            _cancelled.add(run)
        if told.is_set():
            stop.reset()


def is_workers(run: UUID) -> bool:
    """Say whether this process is one that a worker began for a run, whose end it will see."""
    return os.environ.get(RUN_VARIABLE) == str(run)


def unless_cancelled(result: R) -> R | State[Any]:
    """Return what a flow came to; when its run was cancelled, the one state in which the server lets it end.

    A worker that has ended it says so itself, once the process is gone: told here as well, a Retry in between is lost.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.id not in _cancelled:
        return result
    if is_workers(context.flow_run.id) and "SIGTERM" in stop.signals():
        raise Abort
    told = "stopped, and all that was done is kept; a Retry goes on"
    return Cancelled(message=told, data=result.data if isinstance(result, State) else None)


def _watch(run: UUID, over: threading.Event, told: threading.Event) -> None:
    while not over.wait(_LOOK_EVERY_S):
        if _is_cancelled(run):
            break
    while not over.wait(_TELL_EVERY_S):  # again and again: each stage forgets the wish at its end
        if not stop.is_requested():
            told.set()
            stop.request("a cancellation in the Prefect UI")


def _is_cancelled(run: UUID) -> bool:
    """Say whether a run is known to be cancelled; a server that is away is asked again later."""
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
            return client.read_flow_run(run).state_type in {StateType.CANCELLING, StateType.CANCELLED}
    except _UNREACHABLE:
        return False
