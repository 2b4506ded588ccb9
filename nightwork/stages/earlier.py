"""Nights in a row: what earlier batches leave to the next one, and what a later batch or the tracker took away.

A ticket belongs to the newest batch that admitted it. That is derived from the batches themselves each time, so that no
kill between two of them can make two batches work on one ticket.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from pathlib import Path

from nightwork import records
from nightwork.agent.trajectory import Trajectory
from nightwork.batch import Attempt, Batch, Carried, Earlier, batches, newest_with
from nightwork.checkpoint import BatchState
from nightwork.decision import Kind
from nightwork.errors import BadInput, StateError
from nightwork.manifest import BatchStatus
from nightwork.outcome import PENDING, Outcome, Reason, Status
from nightwork.ticket import State, Ticket
from nightwork.tracker import open_tracker
from nightwork.workspace import Repository

logger = logging.getLogger("nightwork.stages")

_UNFINISHED = frozenset({Status.PENDING, Status.RUNNING, Status.ABORTED})


def earlier_attempts(
    repository: Repository, base: str, tickets: Mapping[str, Ticket] | None = None
) -> dict[str, Earlier]:
    """Return what the newest batch that holds it says of each ticket.

    `base` is the commit from which the next batch starts, `tickets` are the tracker's, by id.
    """
    newest = {name: batch for batch in batches(repository.root) for name in batch.state().items}
    outcomes = {batch: batch.state().items for batch in newest.values()}
    known = tickets or {}
    return {name: _earlier(batch, name, outcomes[batch][name], known.get(name), base) for name, batch in newest.items()}


def is_merged(batch: Batch, name: str, base: str = "HEAD") -> bool:
    """Say whether what a ticket has landed in a batch is in a commit."""
    outcome = batch.state().items[name]
    change = batch.change(name, outcome.attempt) if outcome.has_landed() else None
    return change is not None and Repository(batch.repository).is_ancestor(change.commit, base)


def _earlier(batch: Batch, name: str, outcome: Outcome, ticket: Ticket | None, base: str) -> Earlier:
    status, attempt = outcome.status, outcome.attempt
    if outcome.has_landed():
        if is_merged(batch, name, base):
            return Earlier(attempt, wait="its branch is merged; set `state: done` in the ticket", is_merged=True)
        return _landed(batch, name, outcome, ticket, base)
    if status is Status.FAILED and ticket and ticket.text() != batch.ticket(name).text():
        return Earlier(attempt + 1, carried=batch.carried(name))  # what failed was another text
    if status is Status.FAILED:
        return Earlier(attempt, wait=f"failed in {batch.id}; `nightwork resume {batch.id} --retry-failed` tries again")
    if status is Status.ESCALATED and batch.answer(name) is None:
        return Earlier(attempt, wait=f"its escalation in {batch.id} waits for an answer; `nightwork answer {name}`")
    if not _has_begun(batch, name, attempt):
        return Earlier(attempt, carried=batch.carried(name))
    if not _stands(batch, name, attempt, ticket, base):
        return Earlier(attempt + 1, carried=batch.carried(name))
    return Earlier(attempt, carried=batch.carried(name), unfinished_in=batch.id)


def _stands(batch: Batch, name: str, attempt: int, ticket: Ticket | None, base: str) -> bool:
    """Say whether an attempt may go on where it started: what it is stacked on is still asked for, or merged."""
    begun = records.load(Attempt, batch.attempt_folder(name, attempt) / "attempt.json")
    if begun is None or ticket is None:
        return begun is not None
    for other in set(begun.stacked_on) - set(ticket.dependencies):
        holder = newest_with(batch.repository, other)
        if holder is None or not is_merged(holder, other, base):
            return False
    return True


def _landed(batch: Batch, name: str, outcome: Outcome, ticket: Ticket | None, base: str) -> Earlier:
    attempt, decision = outcome.attempt, batch.decisions.verdict_on(name, outcome.attempt)
    if decision is None and outcome.is_unjudged():
        return Earlier(attempt, wait=f"its change in {batch.id} is not judged; `nightwork resume {batch.id}` does it")
    if decision is None:
        return Earlier(attempt, wait=f"its merge request in {batch.id} waits for a decision")
    if decision.kind is Kind.APPROVE:
        return Earlier(attempt, wait=f"its merge request in {batch.id} is approved; merge it and close the ticket")
    if decision.kind is Kind.REJECT:
        return Earlier(attempt, wait=f"its merge request in {batch.id} was rejected; give the ticket a new id")
    change, before = batch.change(name, attempt), batch.carried(name)
    if change is None:
        raise StateError(batch.folder, f"{name} is decided on but has no change", "decide on it by hand")
    if not _stands(batch, name, attempt, ticket, base):
        below = ", ".join(change.stacked_on)
        return Earlier(attempt, wait=f"its branch holds {below}, on which it depends no more; give the ticket a new id")
    comments = (*(before.comments if before else ()), decision.message)
    return Earlier(attempt + 1, carried=Carried(head=change.commit, origin=change.origin, comments=comments))


def _has_begun(batch: Batch, name: str, attempt: int) -> bool:
    """Say whether anything was paid for or done; an attempt that has not begun may as well start from a newer base."""
    said = Trajectory(batch.attempt_folder(name, attempt) / "trajectory.jsonl").records
    return any(record["kind"] != "user" or record["stage"].startswith("C2") for record in said)


def reopened(batch: Batch, retry_failed: bool, among: Container[str] | None = None) -> BatchState:
    """Return the checkpoint with everything pending that a run is to take up, `among` some tickets; writes nothing.

    What a later batch has taken up, and what was closed in the tracker meanwhile, is skipped and says so.
    """
    state, elsewhere, closed = batch.state(), taken_over(batch), _closed(batch)
    for name, outcome in state.items.items():
        if (among is not None and name not in among) or not _is_to_do(batch, name, outcome, retry_failed):
            continue
        again = PENDING.with_(attempt=outcome.attempt, cost_usd=outcome.cost_usd)
        if name in elsewhere:
            state.items[name] = _skipped(again, Reason.CARRIED_OVER, f"goes on in {elsewhere[name]}")
        elif name in closed:
            state.items[name] = _skipped(again, Reason.CLOSED, f"the ticket is {closed[name]} meanwhile")
        else:
            state.items[name] = again.with_(attempt=outcome.attempt + (outcome.status is Status.FAILED))
    return state


def answered(batch: Batch) -> frozenset[str]:
    """Return the tickets of a batch that an answer let go on and that have not ended since, and what waits for them.

    What a later batch has taken up is left to it.
    """
    items, elsewhere = batch.state().items, taken_over(batch)
    found = {name for name, outcome in items.items() if name not in elsewhere and _goes_on(batch, name, outcome)}
    for item in batch.manifest().items():  # dependencies first
        waited_for = [name for name in item.dependencies if items[name].status is not Status.COMPLETED]
        is_open = items[item.id].status in {*_UNFINISHED, Status.SKIPPED} and item.id not in elsewhere
        if is_open and waited_for and found.issuperset(waited_for):
            found.add(item.id)
    return frozenset(found)


def _goes_on(batch: Batch, name: str, outcome: Outcome) -> bool:
    asked = batch.escalation(name)
    is_open = outcome.status in {*_UNFINISHED, Status.ESCALATED}
    return is_open and asked is not None and asked.attempt == outcome.attempt and batch.answer(name) is not None


def with_answers(repository: Path) -> list[Batch]:
    """Return the batches with tickets that an answer let go on, oldest first."""
    return [batch for batch in batches(repository) if answered(batch)]


def _is_to_do(batch: Batch, name: str, outcome: Outcome, retry_failed: bool) -> bool:
    if outcome.status is Status.ESCALATED:
        return batch.answer(name) is not None
    return outcome.status in {*_UNFINISHED, Status.SKIPPED} or (outcome.status is Status.FAILED and retry_failed)


def _skipped(outcome: Outcome, reason: Reason, message: str) -> Outcome:
    return outcome.with_(status=Status.SKIPPED, reason=reason, message=message)


def taken_over(batch: Batch) -> dict[str, str]:
    """Return the tickets of a batch that later batches have admitted, with the newest such batch's id."""
    mine, known = batch.state().items, batches(batch.repository)
    later = known[known.index(batch) + 1 :] if batch in known else []
    return {name: other.id for other in later for name in other.state().items if name in mine}


def _closed(batch: Batch) -> dict[str, State]:
    """Return the tickets that the tracker holds as done or cancelled; none when it cannot be asked."""
    try:
        found = open_tracker(batch.settings().tickets, batch.repository).fetch()
    except BadInput as error:
        logger.warning("whether tickets were closed meanwhile could not be told: %s", error)
        return {}
    return {ticket.id: ticket.state for _, ticket in found.tickets if ticket.state is not State.OPEN}


def give_up_to(later: Batch) -> None:
    """Note in the earlier batches that a later one has taken up their tickets."""
    for batch in batches(later.repository):
        taken = {name for name, other in taken_over(batch).items() if other == later.id}
        state = batch.state()
        for name in taken:
            outcome = state.items[name]
            if _is_to_do(batch, name, outcome, retry_failed=False):
                state.items[name] = _skipped(outcome, Reason.CARRIED_OVER, f"goes on in {later.id}")
        if taken:
            batch.save(state)
            through, status = all(outcome.is_through() for outcome in state.items.values()), batch.manifest().status
            ends = through and status is not BatchStatus.REVIEWED
            batch.tell_manifest(state, BatchStatus.COMPLETED if ends else status)
