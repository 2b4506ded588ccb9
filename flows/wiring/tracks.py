"""How an operation over a range of a track becomes a flow run: a task for each module, one for each of its steps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from prefect import State

from flows.wiring.artifacts import report, report_on, waits_shown
from flows.wiring.events import tell_range
from flows.wiring.named import take_credentials
from flows.wiring.policy import by_name, uncached
from flows.wiring.runs import patience_s
from flows.wiring.slots import limit_of, slot
from flows.wiring.states import as_state, track_state
from flows.wiring.told import progress
from nightwork.agent.transcript import transcript
from nightwork.engine import guarded
from nightwork.errors import StateError
from nightwork.outcome import Outcome
from nightwork.track.batch import Batch, open_batch, run_modules
from nightwork.track.range import Operation, check
from nightwork.track.report import markdown
from nightwork.track.work import ModuleRef
from nightwork.track_settings import TrackOptions

T = TypeVar("T")


@uncached("{ref.module} {name}")
def step(ref: ModuleRef, name: str, work: Callable[[], T]) -> T:  # noqa: ARG001  the name of the run
    """Carry out one step of a module: an audit, a review, a fix, a text."""
    return work()


def work_through(operation: Operation, track: str, start: int, end: int, options: TrackOptions) -> State[Any]:
    """Work on every module of a range that is not settled, and report on all of them."""
    take_credentials(options.credentials)
    chosen = check(operation, track, start, end, options)
    about = f"{chosen.track.name} {start}-{end}"
    with (
        open_batch(chosen, patience_s()) as batch,
        progress(about, batch.state.items) as move,
        waits_shown(about),
    ):
        work_on = _work_on(batch)
        result = run_modules(batch, lambda ref: work_on.submit(ref), lambda _: move(batch.state.items))
    report(str(operation), about, markdown(result))
    tell_range(chosen, result)
    return track_state(result)


def _work_on(batch: Batch) -> Any:
    """Return the task of one module, which waits for a slot of the writer's provider."""
    provider = batch.models.writer.provider
    limit = limit_of(provider) if provider else None

    @uncached("{ref.module}", name="module")
    def work_on(ref: ModuleRef) -> State[Any]:
        def work() -> Outcome:
            with slot(limit):
                return batch.work_on(ref, by_name(step))

        outcome = guarded(work)
        with contextlib.suppress(StateError):  # a record that cannot be read is told by the outcome
            newest = batch.tries(ref.module).newest()
            if newest is not None:
                report_on("transcript", f"{batch.range.track.name}-{ref.module}", transcript(newest))
        return as_state(outcome)

    return work_on
