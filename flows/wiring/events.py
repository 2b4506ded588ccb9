"""What happened at night, as events of the Prefect server that automations listen to; telling never ends the work.

An event is about the resource `nightwork.<batch>.<ticket, or ->`; its payload has `text` (one paragraph of Markdown
that renders as itself), `repo`, `batch` and `ticket`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Literal

from prefect import State
from prefect.events import emit_event
from prefect.runtime import flow_run

from nightwork.batch import Batch, TicketRef
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import GateStatus
from nightwork.markdown import escape
from nightwork.outcome import Outcome, Status, Verdict
from nightwork.redact import redact
from nightwork.review import ReviewDocument, words
from nightwork.track.range import Range
from nightwork.track.result import TrackResult
from nightwork.workspace import Repository

Kind = Literal["batch.aborted", "change.vetoed", "ticket.escalated", "batch.ready"]
_LONGEST = 1000


def tell(kind: Kind, batch: Batch, text: str, ticket: str = "") -> None:
    """Emit the event `nightwork.<kind>` about a batch or one of its tickets, best effort."""
    _emit(kind, batch.id, batch.repository, text, ticket)


def _emit(kind: Kind, batch_id: str, root: Path, text: str, ticket: str = "") -> None:
    """Emit an event; the text may hold anything and is cut."""
    emit_event(
        f"nightwork.{kind}",
        {
            "prefect.resource.id": f"nightwork.{batch_id}.{ticket or '-'}",
            "prefect.resource.name": f"{batch_id} {ticket}".strip(),
        },
        payload={
            "text": escape(words.line(redact(text), _LONGEST)),
            "repo": Repository(root).identity(),
            "batch": batch_id,
            "ticket": ticket,
        },
    )


def tell_range(chosen: Range, result: TrackResult) -> None:
    """Tell of a run over a track that ended early, or that left something for a person."""
    batch_id, flagged = f"{result.operation}-{result.track}", result.flagged()
    if result.is_aborted():
        why = [f"{row.label()}: {row.message}" for row in result.rows if row.status is Status.ABORTED][:1]
        text = "; ".join([result.told(), *why, "the same command goes on"])
        _emit("batch.aborted", batch_id, chosen.track.root, text)
    elif flagged:
        named = ", ".join(f"{row.module} ({row.label()})" for row in flagged)
        _emit("batch.ready", batch_id, chosen.track.root, f"{result.told()}; for a person: {named}")


def tell_escalation(ref: TicketRef, outcome: Outcome) -> None:
    """Tell of a ticket that waits for a person's answer, if it does."""
    if outcome.status is Status.ESCALATED:
        tell("ticket.escalated", ref.batch, f"{_titled(ref)} asks: {outcome.reason}: {outcome.message}", ref.ticket)


def tell_veto(ref: TicketRef, outcome: Outcome) -> None:
    """Tell of a change that a security gate vetoed, if one did; any other veto can wait for the morning."""
    judged = ref.batch.judgement(ref.ticket, ref.attempt) if outcome.verdict is Verdict.VETOED else None
    found = [gate for gate in judged.gates if _is_alarming(gate.measures, gate.status)] if judged else []
    if found:
        said = "; ".join(f"{gate.gate}: {gate.detail}" if gate.detail else gate.gate for gate in found)
        tell("change.vetoed", ref.batch, f"{_titled(ref)} is vetoed by {said}", ref.ticket)


def _is_alarming(measure: Measure, status: GateStatus) -> bool:
    return measure is Measure.SECURITY and status is GateStatus.FAILED


def tell_abort(batch: Batch, state: State[Any] | None = None) -> None:
    """Tell of a batch that ended early, if it did: as the state of the whole says, else as its tickets do.

    A stage inside another flow leaves it to that one, which knows the end.
    """
    if state is not None:
        if state.name == "Aborted":
            tell("batch.aborted", batch, f"{batch.id} ended early: {state.message}")
        return
    outcomes = batch.state().items.values()
    aborted = [outcome for outcome in outcomes if outcome.status is Status.ABORTED]
    if aborted and flow_run.parent_flow_run_id is None:
        counts = Counter(outcome.status for outcome in outcomes)
        told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
        why = f"{aborted[0].label()}: {aborted[0].message}"
        tell("batch.aborted", batch, f"{batch.id} ended early: {told}; {why}; resume to go on")


def tell_ready(batch: Batch, document: ReviewDocument) -> None:
    """Tell that the review queue is ready, if anything in it waits for a person."""
    undecided = any(row.decision is None for row in document.queue)
    asked = sum(row.answer is None for row in document.escalations)
    if undecided or asked:
        told = [f"{words.workload(document)} of review"] if undecided else []
        told += [f"{words.number_of(asked, 'escalation')} to answer"] if asked else []
        told += [f"{count} {name.lower()}" for name, count in words.counted(document)]
        tell("batch.ready", batch, f"{batch.id}: {', '.join(told)}")


def _titled(ref: TicketRef) -> str:
    return f"{ref.ticket} ({words.line(ref.batch.ticket(ref.ticket).title)})"
