"""What a run tells of itself while it is under way: a bar in the UI, and labels of the outermost flow run.

Commands that list and show runs read these labels and nothing else: there is no second store. All of it is best effort,
and none of it can end the work that it tells of. A kind of batch tells its course so:

    with progress(batch.id, state.items) as move:
        ...  # after each item: move(state.items)
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect import get_client
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from flows.wiring.cancelling import is_workers
from flows.wiring.effort import best_effort
from flows.wiring.naming import track_name
from nightwork.markdown import storable
from nightwork.outcome import Outcome, Status
from nightwork.sandbox.mark import Mark, sign
from nightwork.workspace import Repository

Items = Mapping[str, Outcome]
Move = Callable[[Items], None]

logger = logging.getLogger("nightwork.told")
PREFIX = "nightwork."
NOT_TOLD = "how far the run is was not told"
_SECONDS_BETWEEN_MOVES = 2.0
_AT_THE_END = 3  # tries, where what is told on the way will soon be told again
TO_DO = frozenset({Status.PENDING, Status.RUNNING, Status.ABORTED})  # what a run that goes on works on
_outermost: contextvars.ContextVar[UUID | None] = contextvars.ContextVar("outermost_run", default=None)
_alone: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar("alone", default=None)


@contextlib.contextmanager
def alone(output: Path | None) -> Iterator[None]:
    """Say that this process is there for one run alone, which may be ended with it, and which file holds its output."""
    token = _alone.set({"is_alone": True, "output": str(output or "")})
    try:
        yield
    finally:
        _alone.reset(token)


@contextlib.contextmanager
def as_outermost() -> Iterator[None]:
    """Tell, of the outermost flow run, which process works on it; inside it, do nothing."""
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow_run is None or _outermost.get() is not None:
        yield
        return
    token = _outermost.set(context.flow_run.id)
    try:
        _tell_process(context.flow.name, context.flow_run)
        logger.info("run %s", context.flow_run.name)
        yield
    finally:
        _outermost.reset(token)


@contextlib.contextmanager
def progress(subject: str, known: Items, told: str = "") -> Iterator[Move]:
    """Show how far a batch is, from what is `known` of its items at first; gives the function that moves it.

    That function takes all items as they are by now. It may be called as often as items change: what it shows changes
    every two seconds at most, and always at the end, when the mapping that it got last is looked at once more. `told`
    is what `nightwork list` shows as the range; by default `subject`.
    """
    course = _Course(subject, known, told or subject)
    try:
        yield course.move
    finally:
        course.end()


class _Course:
    def __init__(self, subject: str, known: Items, told: str) -> None:
        self._items, self._artifact, self._moved_at = known, list[UUID](), time.monotonic()
        self._run = _outermost.get()
        with best_effort(logger, NOT_TOLD):
            self._artifact.append(cast(UUID, create_progress_artifact(0.0, key="progress", description=subject)))
        began = datetime.now(UTC).isoformat(timespec="seconds")
        self._tell({"range": storable(told), "counted_from": began, "settled_before": _worked_on(known)})

    def move(self, items: Items) -> None:
        self._items = items
        if time.monotonic() - self._moved_at >= _SECONDS_BETWEEN_MOVES:
            self._moved_at = time.monotonic()
            self._tell({})

    def end(self) -> None:
        self._tell({}, _AT_THE_END)

    def _tell(self, more: dict[str, Any], retries: int = 0) -> None:
        outcomes = list(self._items.values())
        counts = Counter(outcome.status for outcome in outcomes)
        done = len(outcomes) - sum(counts[status] for status in TO_DO)
        with best_effort(logger, NOT_TOLD, retries):
            for known in self._artifact:
                update_progress_artifact(known, 100.0 * done / len(outcomes) if outcomes else 100.0)
        _tell_labels(
            self._run,
            {
                **more,
                "total": len(outcomes),
                **{str(status): counts[status] for status in Status},
                "cost_usd": round(sum(outcome.cost_usd for outcome in outcomes), 6),
            },
            retries,
        )


def _worked_on(items: Items) -> int:
    """Return how many items have ended by work: what is skipped takes no time, and tells nothing of the rest."""
    return sum(outcome.status not in TO_DO | {Status.SKIPPED} for outcome in items.values())


def _tell_labels(run: UUID | None, labels: Mapping[str, Any], retries: int = 0) -> None:
    """Keep `nightwork.<name>` labels with a flow run, best effort; others stay as they are."""
    if run is None:
        return
    with best_effort(logger, NOT_TOLD, retries), get_client(sync_client=True) as client:
        client.update_flow_run_labels(run, {f"{PREFIX}{name}": value for name, value in labels.items()})


def _tell_process(operation: str, run: FlowRun) -> None:
    mark = Mark.here()
    told = _alone.get() or {"is_alone": is_workers(run.id), "output": ""}
    if told["is_alone"]:
        sign(str(run.id))
    _tell_labels(
        run.id,
        {
            "process": str(mark),
            "pid": mark.pid,
            "host": socket.gethostname(),
            **told,
            "began_at": datetime.now(UTC).isoformat(),
            **_place(run.parameters),
        },
        retries=3,
    )
    tags = _tags(operation, run.parameters)
    if not tags <= set(run.tags):
        with best_effort(logger, NOT_TOLD), get_client(sync_client=True) as client:
            client.update_flow_run(run.id, tags=sorted({*run.tags, *tags}))


def _place(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return where a run works: the repository of a track with the track's name, else the folder that it was given."""
    told = str(parameters.get("track") or parameters.get("repo") or "")
    if not told or not Path(told).is_dir():
        return {"folder": ""}
    folder = Path(told).resolve()
    if "track" not in parameters:
        return {"folder": storable(str(folder))}
    return {"folder": storable(str(Repository.top(folder) or folder)), "track": track_name(told)}


_KINDS = {"module-specs": {"specs"}, "drift": {"specs"}, "decision": set[str]()}


def _tags(operation: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return the tags that a run of the deployment would have."""
    if "track" in parameters:
        return {"nightwork", "track", f"track:{track_name(str(parameters['track']))}"}
    return {"nightwork", *_KINDS.get(operation, {"batch"})}
