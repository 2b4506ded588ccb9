"""What a person would do next after a batch, as commands to copy."""

from __future__ import annotations

from itertools import zip_longest

from nightwork.decision import Kind
from nightwork.outcome import Outcome, Reason, Status, Verdict
from nightwork.review import words
from nightwork.review.document import EscalationRow, QueueRow, Rank, ReviewDocument

MOST = 6
_OUT_OF_MONEY = Outcome(status=Status.ABORTED, reason=Reason.BUDGET).label()


def next_steps(document: ReviewDocument) -> tuple[str, ...]:
    """Return at most six steps, most valuable first: one of each kind before a second of any.

    A step is `command  # why`, or a sentence where there is nothing to run. Text of other people stands only behind
    the `#`, on one line, so that a copied step runs what it shows.
    """
    kinds = [_urgent(document), _approvals(document), _answers(document), _resumes(document), _retries(document)]
    kinds += [_repairs(document), _reworks(document)]
    turns = [(place, text) for turn in zip_longest(*kinds) for place, text in enumerate(turn) if text is not None]
    return tuple(text for _, text in sorted(turns[:MOST], key=lambda step: step[0]))


def _urgent(document: ReviewDocument) -> list[str]:
    return [_decide(row) for row in document.queue if row.rank is Rank.SECURITY]


def _approvals(document: ReviewDocument) -> list[str]:
    """Return the approvals that can be merged one after the other, each behind those of the branches it stands on."""
    approved = {row.ticket for row in document.queue if row.decision == Kind.APPROVE}
    culprits = {culprit.ticket for culprit in document.together.culprits} if document.together else set()
    waiting = [row for row in document.queue if row.ready and row.rank not in {Rank.SECURITY, Rank.DECIDED}]
    waiting = [row for row in waiting if row.ticket not in culprits]
    steps = []
    while row := next((row for row in waiting if _is_mergeable_after(row, approved)), None):
        waiting.remove(row)
        approved.add(row.ticket)
        steps.append(_decide(row))
    return steps


def _is_mergeable_after(row: QueueRow, approved: set[str]) -> bool:
    return approved.issuperset(row.stacked_on) and approved.isdisjoint(row.conflicts_with)


def _reworks(document: ReviewDocument) -> list[str]:
    settled = {Rank.SECURITY, Rank.DECIDED}
    return [_decide(row) for row in document.queue if row.verdict is Verdict.VETOED and row.rank not in settled]


def _decide(row: QueueRow) -> str:
    decision = "approve" if row.ready else 'request-changes -m "what to change"'
    return f"nightwork decide {row.ticket} {decision}  # {words.line(row.why)}, about {words.duration(row.minutes)}"


def _answers(document: ReviewDocument) -> list[str]:
    return [_answer(row) for row in document.escalations if row.answer is None and row.recommendation]


def _answer(row: EscalationRow) -> str:
    gain = f"unblocks {', '.join(row.blocks)}: " if row.blocks else ""
    return f"nightwork answer {row.ticket} {row.recommendation}  # {gain}{words.line(row.summary, 120)}"


def _resumes(document: ReviewDocument) -> list[str]:
    count = document.counts[Status.ABORTED]
    said = f"runs {words.number_of(count, 'aborted ticket')} again"
    if any(row.outcome == _OUT_OF_MONEY for row in document.failed):
        said += "; what is at its limit needs a higher --budget-usd or --budget-per-ticket-usd"
    return [f"nightwork resume {document.batch_id}  # {said}"] if count else []


def _retries(document: ReviewDocument) -> list[str]:
    count = document.counts[Status.FAILED]
    said = f"a new attempt at {words.number_of(count, 'failed ticket')}"
    return [f"nightwork resume {document.batch_id} --retry-failed  # {said}"] if count else []


def _repairs(document: ReviewDocument) -> list[str]:
    return [
        f"make {words.line(row.ticket)} ready ({words.line(row.where)}): {words.line('; '.join(row.reasons))}"
        for row in document.unready
    ]
