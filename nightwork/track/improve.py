"""fix-review: a document is audited and reviewed, and mended until it passes, or until that leads nowhere.

A version stays only when it is better than the best before it: the document on disk is never worse than it was.
"""

from __future__ import annotations

from nightwork.outcome import Outcome, Reason, Status
from nightwork.track.rubric import told
from nightwork.track.work import Judged, Work

# Rounds in a row after which nothing has changed, and no further one is paid for.
_STUCK_AFTER = 2


def improve(work: Work) -> Outcome:
    """Audit and review the document of a module, and mend it in rounds until it passes."""
    if not work.found.document.strip():
        return Outcome(status=Status.FAILED, reason=Reason.ERROR, message="the document is missing or empty")
    best = work.judge(0, work.found)
    work.tell(first=best.score)
    return mend(work, best, 1)


def mend(work: Work, best: Judged, number: int) -> Outcome:
    """Mend a version that lies on disk, in rounds that begin with `number`, until the best one passes."""
    quiet, lost, question = 0, list[str](), _question(best)
    while not question and not best.passed and quiet < _STUCK_AFTER and number <= work.track.definition.max_rounds:
        version, question = work.fix(number, best, lost)
        if question:
            break
        judged = work.judge(number, version, best) if version != best.version else None
        if judged and judged.rank() > best.rank():
            work.land(number, version)
            best, quiet, lost = judged, 0, []
            work.tell(kept=work.story.kept + 1)
        else:
            quiet += 1
            lost.append(_why_lost(judged, best))
            work.tell(lost=work.story.lost + (judged is not None))
        question = _question(judged)
        work.tell(rounds=number)
        number += 1
    work.see_that_it_stands(best.version)
    work.tell(last=best.score, audit=best.audited.passed, findings=len(best.review.findings) if best.review else 0)
    work.tell(digest=best.version.digest())
    return _outcome(work, best, quiet, question)


def _question(judged: Judged | None) -> str:
    return judged.review.question() if judged and judged.review else ""


def _outcome(work: Work, best: Judged, quiet: int, question: str) -> Outcome:
    if question:
        return Outcome(status=Status.ESCALATED, reason=Reason.UNCERTAINTY, message=question)
    if best.passed:
        return Outcome(status=Status.COMPLETED)
    reason = Reason.STUCK if quiet >= _STUCK_AFTER else Reason.BELOW_MARK
    return Outcome(status=Status.FAILED, reason=reason, message=_why_failed(work, best))


def _why_failed(work: Work, best: Judged) -> str:
    rubric = work.track.definition.rubric
    assert rubric is not None
    parts = [
        *([] if best.audited.passed else ["the audit fails"]),
        *([f"below the floor: {', '.join(best.floors)}"] if best.floors else []),
        *([f"{told(best.score)} of {rubric.pass_mark:g}"] if best.score < rubric.pass_mark else []),
    ]
    lost = f"; {work.story.lost} versions were no better and did not stay" if work.story.lost else ""
    return f"{'; '.join(parts)} after {work.story.rounds} rounds{lost}"


def _why_lost(judged: Judged | None, best: Judged) -> str:
    """Say why a version was no better, as its writer is told."""
    if judged is None:
        return "The last version was the same, to the letter."
    if judged.review is None:
        return f"The last version was not kept: the audit passed before it and fails now.\n{judged.audited.told}"
    findings = "\n".join(f"[{each.severity}] {each.dimension}: {each.problem}" for each in judged.review.findings)
    scores = f"it scores {told(judged.score)}, the one before {told(best.score)}"
    broken = f"; below the floor: {', '.join(judged.floors)}" if judged.floors else ""
    return f"The last version was not kept: {scores}{broken}.\n{findings}"
