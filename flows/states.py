"""How outcomes are told by name in Prefect: one mapping for all flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from nightwork.decision import Decision
from nightwork.module_spec.result import BatchResult
from nightwork.outcome import Outcome, Status, Unfinished
from nightwork.shown import Unended


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
    """Return the state that tells a whole batch: Completed, Incomplete or Aborted."""
    counts = Counter(outcome.status for outcome in outcomes.values())
    told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    broken = [str(stage.message) for stage in stages if not stage.is_completed()]
    if broken:
        return Failed(name="Aborted", message=f"{told}; a stage did not end: {'; '.join(broken)}")
    if not all(outcome.is_through() for outcome in outcomes.values()):
        return Failed(name="Aborted", message=f"{told}; resume to go on")
    if counts[Status.COMPLETED] < len(outcomes):
        return Failed(name="Incomplete", message=told)
    return Completed(message=told or "nothing to do")


def specs_state(result: BatchResult) -> State[Any]:
    """Return the state that tells a batch of module specs: Completed, Incomplete or Aborted."""
    if result.aborted:
        told = f"{result.told()}; run again to go on"
        return Failed(name="Aborted", message=told, data=Unended(result, f"Aborted: {told}"))
    if result.failed:
        return Failed(name="Incomplete", message=result.told(), data=Unended(result, f"Incomplete: {result.told()}"))
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
