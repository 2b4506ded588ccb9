"""The review queue: what a batch brought, in the order in which a person should look at it.

The order is the contract's (batch-pipeline.md, "Review Priority"): the score ranks, the vetoes decide, and every row
says why it stands where it does. Total and stable: two rows never tie, whatever the order they came in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import networkx as nx

from nightwork.agent.results import Escalation
from nightwork.change import Change
from nightwork.decision import Kind
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import DECEIVING, Flag, GateStatus, Judgement
from nightwork.manifest import Entry, Manifest
from nightwork.metrics import batch_metrics
from nightwork.outcome import Outcome, Status, Verdict
from nightwork.review import words
from nightwork.review.document import (
    Combination,
    EscalationRow,
    FailedRow,
    GateRow,
    LeftOutRow,
    QueueRow,
    Rank,
    ReviewDocument,
    SkippedRow,
    SpendingRow,
    TicketRow,
    UnreadyRow,
    WaitRow,
    WarningRow,
)
from nightwork.review.effort import expected_minutes
from nightwork.review.steps import next_steps
from nightwork.score import PASS_MARK
from nightwork.ticket import Priority
from nightwork.together import Together, some

__all__ = ["QUICK_MARK", "Reviewed", "build", "expected_minutes", "is_mergeable"]

QUICK_MARK = 90  # over it, a change is likely to be approved quickly

_URGENT = {Priority.CRITICAL, Priority.HIGH}
_REFUSED = {Kind.REJECT, Kind.REQUEST_CHANGES}


@dataclass(frozen=True)
class Reviewed:
    """What is known of one admitted ticket; `minutes` is what the decision took, `follow_up` and `merge_request` are
    paths."""

    entry: Entry
    outcome: Outcome
    change: Change | None = None
    judgement: Judgement | None = None
    escalation: Escalation | None = None
    decision: str | None = None
    answer: str | None = None
    follow_up: str | None = None
    merge_request: str | None = None
    link: str | None = None
    minutes: float | None = None


def build(
    manifest: Manifest,
    reviewed: Sequence[Reviewed],
    *,
    sandbox: str,
    agent: str = "",
    together: Together | None = None,
    unready: Iterable[UnreadyRow] = (),
    left_out: Iterable[LeftOutRow] = (),
    warnings: Iterable[WarningRow] = (),
    red_on_base: Iterable[str] = (),
    spending: Iterable[SpendingRow] = (),
    waits: Iterable[WaitRow] = (),
) -> ReviewDocument:
    """Make the document of one batch; raises ValueError unless `reviewed` holds each ticket of the manifest once."""
    ids = sorted(item.entry.id for item in reviewed)
    if ids != sorted(entry.id for entry in manifest.tickets):
        raise ValueError(f"expected every ticket of {manifest.batch_id!r} once, got {ids}")
    rows = _rows(reviewed, together)
    outcomes = Counter(item.outcome.status for item in reviewed)
    counts = {status: outcomes[status] for status in Status}
    scores = [row.score for row in rows if row.score is not None]
    minutes = [item.minutes for item in reviewed if item.minutes is not None]
    document = ReviewDocument(
        batch_id=manifest.batch_id,
        status=manifest.status,
        base=manifest.base,
        sandbox=sandbox,
        agent=agent,
        counts=counts,
        total=len(reviewed),
        tickets=tuple(map(_ticket, reviewed)),
        queue=tuple(rows),
        together=_combination(together) if together else None,
        escalations=tuple(_escalations(reviewed)),
        skipped=tuple(_skipped(item) for item in reviewed if item.outcome.status is Status.SKIPPED),
        failed=tuple(_failed(item) for item in reviewed if item.outcome.status in {Status.FAILED, Status.ABORTED}),
        unready=tuple(unready),
        warnings=(*warnings, *_lost_changes(reviewed)),
        left_out=tuple(left_out),
        red_on_base=tuple(red_on_base),
        metrics=batch_metrics(counts, len(reviewed), scores, minutes),
        cost_usd=sum(item.outcome.cost_usd for item in reviewed),
        budget_usd=manifest.config.budget_usd,
        spending=tuple(spending),
        waits=tuple(waits),
    )
    return document.model_copy(update={"next_steps": next_steps(document)})


def _rows(reviewed: Sequence[Reviewed], together: Together | None) -> list[QueueRow]:
    """Return the rows of all changes, in the order of the review."""
    blockers = _sent_back(reviewed)
    delivered = ((item, item.change) for item in reviewed if item.change and _delivered(item))
    rows = [_row(item, change, blockers.get(item.entry.id)) for item, change in delivered]
    mergeable = {row.ticket for row in rows if is_mergeable(row)}
    return sorted((_with_why(row, together, mergeable) for row in rows), key=_place)


def _ticket(item: Reviewed) -> TicketRow:
    entry, outcome = item.entry, item.outcome
    return TicketRow(
        ticket=entry.id,
        title=entry.title,
        status=outcome.status,
        verdict=outcome.verdict,
        dependencies=entry.dependencies,
    )


def _delivered(item: Reviewed) -> bool:
    return item.outcome.has_landed()


def _place(row: QueueRow) -> tuple[int, float, str]:
    return row.rank, -row.score if row.score is not None else 1.0, row.ticket


def _sent_back(reviewed: Sequence[Reviewed]) -> dict[str, str]:
    """Return the tickets whose branch holds another that was rejected or sent back, with that other."""
    refused = {item.entry.id for item in reviewed if item.decision in _REFUSED}
    blockers: dict[str, str] = {}
    for item in reviewed:
        for name in item.change.stacked_on if item.change else ():
            if name in refused or name in blockers:
                blockers[item.entry.id] = name
    return blockers


def _row(item: Reviewed, change: Change, blocker: str | None) -> QueueRow:
    judgement = _judgement_of(item, change)
    if blocker and judgement.verdict is not Verdict.VETOED:
        judgement = judgement.model_copy(update={"verdict": Verdict.BLOCKED_BY, "blocked_by": blocker})
    added, deleted = change.lines()
    row = QueueRow(
        ticket=item.entry.id,
        title=item.entry.title,
        branch=change.branch,
        commit=change.commit,
        attempt=change.attempt,
        outcome=item.outcome.label(),
        score=judgement.scores.total,
        verdict=judgement.verdict,
        ready=_is_ready(item.outcome, judgement),
        gates=tuple(
            GateRow(gate=gate.gate, measures=gate.measures, status=gate.status, detail=gate.detail)
            for gate in judgement.gates
        ),
        vetoes=judgement.vetoes,
        findings=judgement.findings_by_severity(),
        flags=judgement.flags,
        remarks=judgement.remarks,
        priority=item.entry.priority,
        minutes=expected_minutes(change),
        rank=Rank.REST,
        why="",
        stacked_on=change.stacked_on,
        blocked_by=judgement.blocked_by,
        remaining=change.remaining,
        follow_up=item.follow_up,
        decision=item.decision,
        merge_request=item.merge_request,
        link=item.link,
        files=len(change.files),
        added=added,
        deleted=deleted,
        cost_usd=item.outcome.cost_usd,
    )
    return row.model_copy(update={"rank": _rank(row)})


def is_mergeable(row: QueueRow) -> bool:
    """Say whether a change could be merged as it is, as far as gates and people have said."""
    return row.verdict in {Verdict.PASSED, Verdict.NOT_RUN} and row.decision not in _REFUSED


def _with_why(row: QueueRow, together: Together | None, mergeable: Container[str]) -> QueueRow:
    """Add why the row stands where it does, and what stands between it and other changes that may be merged."""
    rivals = together.rivals_of(row.ticket, row.commit) if together else ()
    row = row.model_copy(update={"conflicts_with": tuple(name for name in rivals if name in mergeable)})
    return row.model_copy(update={"why": "; ".join([*_reasons(row), *_together_reasons(row, together)])})


def _together_reasons(row: QueueRow, together: Together | None) -> Iterable[str]:
    if row.conflicts_with:
        yield f"conflicts with {some(row.conflicts_with)}"
    if together and together.commits.get(row.ticket) == row.commit:
        for culprit in together.culprits:
            if culprit.ticket == row.ticket:
                yield f"breaks tests once the others are merged: {words.broken(culprit)}"


def _combination(together: Together) -> Combination:
    shown = together.model_dump(include=set(Combination.model_fields))
    return Combination(summary=together.summary(), total=len(together.candidates), **shown)


def _judgement_of(item: Reviewed, change: Change) -> Judgement:
    """Return what the gates say of this very commit: a verdict on another one says nothing of it."""
    if item.judgement and item.judgement.commit == change.commit:
        return item.judgement
    return Judgement(ticket=change.ticket, attempt=change.attempt, commit=change.commit, verdict=Verdict.NOT_RUN)


def _is_ready(outcome: Outcome, judgement: Judgement) -> bool:
    total = judgement.scores.total
    passed = judgement.verdict is Verdict.PASSED and total is not None and total >= PASS_MARK
    return passed and outcome.status is Status.COMPLETED and DECEIVING.isdisjoint(judgement.flags)


def _rank(row: QueueRow) -> Rank:
    if row.decision is not None:
        return Rank.DECIDED
    if _has_security_flag(row):
        return Rank.SECURITY
    if row.priority in _URGENT:
        return Rank.PRIORITY
    is_quick = row.verdict is Verdict.PASSED and row.score is not None and row.score > QUICK_MARK
    return Rank.SCORE if is_quick else Rank.REST


def _has_security_flag(row: QueueRow) -> bool:
    return any(row.findings.values()) or Flag.SECURITY_FINDING in row.flags or bool(_failed_gates(row, security=True))


def _failed_gates(row: QueueRow, *, security: bool) -> list[str]:
    return [
        gate.gate
        for gate in row.gates
        if gate.status is GateStatus.FAILED and (gate.measures is Measure.SECURITY) is security
    ]


def _reasons(row: QueueRow) -> list[str]:
    reasons = [*_rank_reason(row), *_verdict_reason(row)]
    if row.outcome.startswith(Status.PARTIAL):
        reasons.append(f"partial: {_remaining(row)}")
    if row.verdict is Verdict.PASSED and row.score is not None and row.score < PASS_MARK:
        reasons.append(f"score {words.score(row.score)}, below {PASS_MARK}")
    return reasons or [f"score {words.score(row.score)}"]


def _rank_reason(row: QueueRow) -> list[str]:
    match row.rank:
        case Rank.DECIDED:
            return [f"decided: {row.decision}"]
        case Rank.SECURITY:
            return [f"security: {_security_reason(row)}"]
        case Rank.PRIORITY:
            return [f"priority {row.priority}"]
        case Rank.SCORE:
            return [f"score {words.score(row.score)}"]
    return []


def _security_reason(row: QueueRow) -> str:
    vetoing = _failed_gates(row, security=True)
    found = words.findings(row)
    plural = "" if sum(row.findings.values()) == 1 else "s"
    parts = [f"{found} finding{plural}"] if found else []
    parts += [f"vetoed by {', '.join(vetoing)}"] if vetoing else []
    return ", ".join(parts) or "flagged"


def _verdict_reason(row: QueueRow) -> list[str]:
    match row.verdict:
        case Verdict.VETOED:
            return _veto_reason(row)
        case Verdict.BLOCKED_BY:
            return [f"stacked on {row.blocked_by or 'a change'}, which is vetoed"]
        case Verdict.NOT_RUN:
            idle = [gate.gate for gate in row.gates if gate.status is GateStatus.NOT_RUN]
            return [f"did not run: {', '.join(idle)}" if idle else "not judged"]
    return []


def _veto_reason(row: QueueRow) -> list[str]:
    vetoing, others = _failed_gates(row, security=True), _failed_gates(row, security=False)
    if row.rank is Rank.SECURITY and vetoing:
        return [f"vetoed by {', '.join(others)}"] if others else []
    return [f"vetoed by {', '.join([*vetoing, *others])}" if vetoing or others else "vetoed"]


def _remaining(row: QueueRow) -> str:
    count = len(row.remaining)
    if not count:
        return "ended before it was done"
    return f"{count} points remain" if count > 1 else "1 point remains"


def _escalations(reviewed: Sequence[Reviewed]) -> Iterable[EscalationRow]:
    graph: nx.DiGraph[object] = nx.DiGraph()
    graph.add_nodes_from(item.entry.id for item in reviewed)
    graph.add_edges_from((name, item.entry.id) for item in reviewed for name in item.entry.dependencies)
    skipped = {item.entry.id for item in reviewed if item.outcome.status is Status.SKIPPED}
    waiting = [item for item in reviewed if item.outcome.status is Status.ESCALATED]
    for item in sorted(waiting, key=_escalation_place):
        yield _escalation(item, tuple(sorted(skipped & nx.descendants(graph, item.entry.id))))


def _escalation_place(item: Reviewed) -> tuple[bool, int, str]:
    return item.answer is not None, list(Priority).index(item.entry.priority), item.entry.id


def _escalation(item: Reviewed, blocks: tuple[str, ...]) -> EscalationRow:
    record = item.escalation
    if record is None:
        return EscalationRow(
            ticket=item.entry.id,
            title=item.entry.title,
            trigger=item.outcome.reason or "not recorded",
            summary=item.outcome.message or "the record of the escalation is missing",
            context="",
            recommendation=None,
            answer=item.answer,
            blocks=blocks,
        )
    context = record.context
    return EscalationRow(
        ticket=item.entry.id,
        title=item.entry.title,
        trigger=record.trigger,
        summary=record.summary,
        context=f"Tried: {context.tried}\nWhy: {context.why}\nBlocks: {context.blocks}",
        options=record.options,
        recommendation=record.recommendation,
        questions=record.questions,
        answer=item.answer,
        blocks=blocks,
    )


def _skipped(item: Reviewed) -> SkippedRow:
    return SkippedRow(ticket=item.entry.id, title=item.entry.title, reason=_message(item.outcome))


def _failed(item: Reviewed) -> FailedRow:
    label, reason = item.outcome.label(), _message(item.outcome)
    return FailedRow(ticket=item.entry.id, title=item.entry.title, outcome=label, reason=reason)


def _message(outcome: Outcome) -> str:
    return outcome.message or (outcome.error.message if outcome.error else "") or "no reason recorded"


def _lost_changes(reviewed: Sequence[Reviewed]) -> Iterable[WarningRow]:
    for item in reviewed:
        if _delivered(item) and item.change is None:
            text = f"is {item.outcome.label()}, but no change is on record: it cannot be reviewed"
            yield WarningRow(ticket=item.entry.id, text=text)
