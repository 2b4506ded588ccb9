"""Stage 4: the ranked queue of a batch, and what people decide on it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from nightwork import records
from nightwork.batch import Batch, Unready, batches, newest_with
from nightwork.decision import COMMAND_LINE, Decision, Kind
from nightwork.errors import bad_input
from nightwork.files import write_atomically
from nightwork.forge import MergeRequestState, open_forge
from nightwork.forge_settings import ForgeSettings
from nightwork.ledger import Line
from nightwork.manifest import BatchStatus, Entry
from nightwork.outcome import Outcome, Status
from nightwork.review import ReviewDocument, Reviewed, build
from nightwork.review.document import LeftOutRow, SpendingRow, UnreadyRow, WarningRow
from nightwork.review.markdown import artifact
from nightwork.review.page import page
from nightwork.sandbox import open_sandbox
from nightwork.stages import account
from nightwork.stages.earlier import is_merged
from nightwork.trends import BatchFigures, Trends
from nightwork.trends.page import page as trends_page

_FORMS = {"review.md": artifact, "review.html": page}
_STATES = {
    Kind.APPROVE: MergeRequestState.READY,
    Kind.REQUEST_CHANGES: MergeRequestState.CHANGES_REQUESTED,
    Kind.REJECT: MergeRequestState.CLOSED,
}


def review(repo: str, batch_id: str) -> ReviewDocument:
    """Make the review document of a batch and write its forms: review.json, review.html, review.md."""
    batch = Batch(Path(repo), batch_id)
    document = _settle_status(batch, document_of(batch))
    records.save(document, batch.folder / "review.json")
    for name, form in _FORMS.items():
        write_atomically(batch.folder / name, form(document))
    return document


def document_of(batch: Batch) -> ReviewDocument:
    """Return the review document of a batch as it stands; writes nothing."""
    manifest, intake, settings = batch.manifest(), batch.intake(), batch.settings()
    return build(
        manifest,
        [_reviewed(batch, settings.forge, entry, outcome) for entry, outcome in batch.entries()],
        sandbox=open_sandbox(batch.state_folder, confinement=settings.sandbox).name,
        agent=settings.agent.reach(),
        together=batch.together(),
        unready=[UnreadyRow(ticket=row.ticket, where=row.where, reasons=row.reasons) for row in intake.unready],
        left_out=[LeftOutRow(ticket=row.ticket, reason=_text(row)) for row in intake.left_out],
        warnings=[WarningRow(ticket=ticket, text=text) for ticket, text in intake.warnings],
        red_on_base=intake.red_on_base,
        spending=[_spent(row) for row in account.lines_of(batch)],
        waits=account.run_of(batch).waits,
    )


def _spent(spent: Line) -> SpendingRow:
    told = asdict(spent)
    return SpendingRow(cost_usd=told.pop("spent_usd"), **told.pop("tokens"), **told)


def _reviewed(batch: Batch, forge: ForgeSettings, entry: Entry, outcome: Outcome) -> Reviewed:
    decision = batch.decisions.verdict_on(entry.id, outcome.attempt)
    answer, record = batch.answer(entry.id), batch.escalation(entry.id)
    waits = record is not None and outcome.status is Status.ESCALATED
    change = batch.change(entry.id, outcome.attempt)
    return Reviewed(
        entry=entry,
        outcome=outcome,
        change=change,
        judgement=batch.judgement(entry.id, outcome.attempt),
        escalation=record.escalation if record and waits else None,
        decision=decision.kind if decision else None,
        answer=answer.option if answer and waits else None,
        follow_up=_existing(batch, f"follow_ups/{entry.id}-follow-up.md"),
        merge_request=_existing(batch, f"merge_requests/{entry.id}.md"),
        link=forge.page_of(change.branch, entry.id, batch.id) if change else None,
        minutes=decision.minutes if decision else None,
    )


def _existing(batch: Batch, name: str) -> str | None:
    path = batch.folder / name
    return str(path.relative_to(batch.repository)) if path.exists() else None


def _text(row: Unready) -> str:
    return "; ".join(row.reasons)


def _settle_status(batch: Batch, document: ReviewDocument) -> ReviewDocument:
    """Bring the status up to date: completed once the gates are through, reviewed once nothing is left to decide."""
    state = batch.state()
    if not all(outcome.is_through() for outcome in state.items.values()):
        return document
    waits = any(row.decision is None for row in document.queue)
    waits = waits or any(row.answer is None for row in document.escalations)
    status = BatchStatus.COMPLETED if waits else BatchStatus.REVIEWED
    if status is not document.status:
        batch.tell_manifest(state, status)
    return document.model_copy(update={"status": status})


def decide(
    batch: Batch, ticket: str, kind: Kind, message: str, by: str = COMMAND_LINE, attempt: int | None = None
) -> Decision:
    """Record a decision on a ticket's merge request and mark it so; returns the one that holds, an earlier one first.

    Raises BadInput when there is nothing to decide, when it is no longer the `attempt` that was looked at, or when
    changes are requested without saying which.
    """
    state = batch.state()
    outcome = state.items.get(ticket)
    if outcome is None or not outcome.has_landed() or batch.change(ticket, outcome.attempt) is None:
        raise bad_input(f"ticket {ticket!r}", f"has no merge request in {batch.id}; `nightwork review` lists them")
    if attempt not in {None, outcome.attempt}:
        raise bad_input(
            f"ticket {ticket!r}", f"was worked on again: this is attempt {outcome.attempt}; look at it anew"
        )
    if kind is Kind.REQUEST_CHANGES and not message.strip():
        raise bad_input("comment (-m)", "say which changes; the agent of the next attempt reads it")
    if kind is Kind.APPROVE:
        _refuse_unless_its_base_is_approved(batch, ticket)
    minutes = _minutes_since(_opened_at(batch))
    decision = batch.decisions.take(
        Decision(ticket=ticket, attempt=outcome.attempt, kind=kind, message=message, minutes=minutes, by=by)
    )
    open_forge(batch.folder).set_state(ticket, _STATES[decision.kind])
    review(str(batch.repository), batch.id)
    return decision


def _refuse_unless_its_base_is_approved(batch: Batch, ticket: str) -> None:
    """To merge a stacked branch is to merge what it stands on, whichever batch that is in by now."""
    change = batch.change(ticket, batch.state().items[ticket].attempt)
    for name in change.stacked_on if change else ():
        holder = newest_with(batch.repository, name)
        if holder is None or is_merged(holder, name):
            continue
        taken = holder.decisions.verdict_on(name, holder.state().items[name].attempt)
        if taken is None or taken.kind is not Kind.APPROVE:
            told = f"is {taken.kind}" if taken else "is not decided"
            raise bad_input(f"ticket {ticket!r}", f"its branch holds {name}, which {told}; approve {name} first")


# A shorter gap between two decisions is typing, a longer one is a break: neither tells how long a review took.
_REVIEW_MINUTES = (0.5, 60.0)


def _opened_at(batch: Batch) -> datetime | None:
    """Return when the reviewer's time for the next decision began: at the decision before."""
    decisions = batch.decisions.all()
    return decisions[-1].at if decisions else None


def _minutes_since(opened: datetime | None) -> float | None:
    minutes = (datetime.now(UTC) - opened).total_seconds() / 60 if opened else None
    shortest, longest = _REVIEW_MINUTES
    return minutes if minutes is not None and shortest <= minutes <= longest else None


def answer(
    batch: Batch,
    ticket: str,
    option: str,
    message: str,
    by: str = COMMAND_LINE,
    asked: tuple[int, int] | None = None,
) -> Decision:
    """Record the answer to a ticket's escalation; returns the one that holds, an earlier one first.

    Raises BadInput when nothing is asked, when it is no longer the question (attempt and number) that was looked at,
    or for an option that the escalation does not offer.
    """
    outcome, record = batch.state().items.get(ticket), batch.escalation(ticket)
    if outcome is None or record is None or outcome.status is not Status.ESCALATED:
        raise bad_input(f"ticket {ticket!r}", f"asks nothing in {batch.id}; `nightwork review` lists the escalations")
    if asked not in {None, (record.attempt, record.number)}:
        raise bad_input(f"ticket {ticket!r}", "asks something else by now; look at it anew")
    names = [choice.name for choice in record.escalation.options]
    if option not in names:
        raise bad_input(f"option {option!r}", f"{ticket} offers {', '.join(names)}; add anything else with -m")
    taken = batch.decisions.take(
        Decision(
            ticket=ticket,
            attempt=record.attempt,
            kind=Kind.ANSWER,
            option=option,
            message=message,
            escalation=record.number,
            by=by,
        )
    )
    review(str(batch.repository), batch.id)
    return taken


def batch_of(repository: Path, ticket: str) -> Batch:
    """Return the newest batch that holds a ticket; raises BadInput when none does."""
    batch = newest_with(repository, ticket)
    if batch is None:
        raise bad_input(f"ticket {ticket!r}", "is in no batch of this repository; `nightwork review` lists them")
    return batch


def trends(repository: Path, last: int) -> Trends:
    """Return the figures of the newest `last` batches, oldest first, and write them as a page."""
    newest = batches(repository)[-last:]
    found = Trends(batches=tuple(BatchFigures.of(batch.manifest(), document_of(batch)) for batch in newest))
    if newest:
        write_atomically(repository / ".nightwork" / "trends.html", trends_page(found, repository.name))
    return found
