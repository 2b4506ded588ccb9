"""How outcomes are told by name in Prefect: one mapping for all flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.client.schemas.objects import State
from prefect.exceptions import MissingResult
from prefect.states import Completed, Failed

from nightwork.decision import Decision
from nightwork.module_spec.drift import Drift, summary
from nightwork.module_spec.result import BatchResult
from nightwork.outcome import Outcome, Status, Unfinished
from nightwork.review import ReviewDocument
from nightwork.shown import Shown, Unended
from nightwork.track.result import TrackResult


def as_state(outcome: Outcome) -> State[Any]:
    """Return the task state that tells an outcome; failed and aborted ones fail, so that no cache keeps them."""
    name = outcome.status.capitalize()
    message = ": ".join(part for part in (str(outcome.reason or ""), outcome.message) if part) or None
    if outcome.status in {Status.FAILED, Status.ABORTED}:
        return Failed(name=name, message=message, data=Unfinished(outcome))
    return Completed(name=name, message=message, data=outcome)


def passed_on(state: State[Any]) -> State[Any]:
    """Return the state of a flow that ends as another run has ended."""
    return State(type=state.type, name=state.name, message=state.message, data=state.data)


def batch_state(outcomes: Mapping[str, Outcome], stages: Sequence[State[Any]]) -> State[Any]:
    """Return the state that tells a whole batch, Completed, Incomplete or Aborted, with what its last stage returned.

    That is the review; it is not kept in any storage, for a Retry makes it anew.
    """
    counts, document = Counter(outcome.status for outcome in outcomes.values()), _document(stages[-1])
    told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    broken = [str(stage.message) for stage in stages if not stage.is_completed()]
    if broken:
        return _unended("Aborted", f"{told}; a stage did not end: {'; '.join(broken)}", document)
    if not all(outcome.is_through() for outcome in outcomes.values()):
        return _unended("Aborted", f"{told}; resume to go on", document)
    if counts[Status.COMPLETED] < len(outcomes):
        return _unended("Incomplete", told, document)
    return Completed(message=told or "nothing to do", data=document)


def specs_state(result: BatchResult) -> State[Any]:
    """Return the state that tells a batch of module specs: Completed, Incomplete or Aborted."""
    if result.aborted:
        return _unended("Aborted", f"{result.told()}; run again to go on", result)
    if result.failed:
        return _unended("Incomplete", result.told(), result)
    return Completed(message=result.told(), data=result)


def track_state(result: TrackResult) -> State[Any]:
    """Return the state that tells an operation over a range: Completed, Incomplete or Aborted."""
    if result.is_aborted():
        return _unended("Aborted", f"{result.told()}; run again to go on", result)
    if result.flagged():
        return _unended("Incomplete", f"{result.told()}; {len(result.flagged())} for a person", result)
    return Completed(message=result.told(), data=result)


def decision_state(taken: Decision, then: str) -> State[Any]:
    """Return the state that tells what a person decided: Approve, RequestChanges, Reject or Answer."""
    return Completed(name=taken.kind.title().replace("-", ""), message=f"{taken.told()}; {then}")


def decided_before(taken: Decision) -> State[Any]:
    """Return the state of a run that asks for what is decided."""
    return Completed(name="DecidedBefore", message=f"{taken.told()}; that holds, and nothing else was recorded")


def superseded() -> State[Any]:
    """Return the state of a run that asks for what is no longer to be decided."""
    return Completed(name="Superseded", message="this is no longer asked; nothing was recorded")


def drift_state(drift: Drift) -> State[Any]:
    """Return the state that tells whether the specs of a project are still true: Completed or Drifted."""
    told = summary(drift)
    return _unended("Drifted", told, drift) if drift.units else Completed(message=told, data=drift)


def _unended(name: str, told: str, result: Shown | None) -> State[Any]:
    """Return a failed state; what it carries has to be an exception."""
    return Failed(name=name, message=told, data=Unended(result, f"{name}: {told}") if result else None)


def _document(review: State[Any]) -> ReviewDocument | None:
    """Return what a review returned in this process; None when it did not end, or ended in another."""
    try:
        document = review.result(raise_on_failure=False, _sync=True)  # type: ignore[call-overload]
    except MissingResult:
        return None
    return document if isinstance(document, ReviewDocument) else None
