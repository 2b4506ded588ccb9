"""One question to a person of everything that a change holds back, and what the answers to earlier ones settle."""

from __future__ import annotations

from collections.abc import Sequence

from nightwork.agent.results import Context, Escalation, Level, Option, Trigger
from nightwork.policy.held import Held
from nightwork.redact import redact

PUBLISH, LEAVE_OUT, REWORK = "publish", "leave-out", "rework"
GO_AHEAD, AVOID = "go-ahead", "avoid"
APPROVING = frozenset({PUBLISH, GO_AHEAD})

MAX_LISTED = 20
_MAX_SUMMARY = 300
_SEVERITY = (Trigger.SECURITY, Trigger.DATA, Trigger.ARCHITECTURE, Trigger.COMPATIBILITY, Trigger.UNCERTAINTY)


def before_work(held: Sequence[Held], stage: str) -> Escalation:
    """Ask whether the agent may do what it says that it will: nothing is changed yet."""
    listed = _listed(held)
    return Escalation(
        trigger=_worst(held),
        summary=_shortened(f"{_told(held)}; may the agent go ahead?"),
        context=Context(tried=f"{stage} is done; no file is changed yet", why=listed, blocks="C2, and every change"),
        options=(
            Option(
                name=GO_AHEAD,
                description="work on it as planned; what it comes to is still judged and reviewed",
                pros=("the ticket goes on as it stands",),
                cons=("what is listed will be changed by an agent",),
                risk=Level.MEDIUM,
            ),
            Option(
                name=AVOID,
                description="leave what is listed as it is and do the rest; say in the message what to do instead",
                pros=("what is listed stays as it is",),
                cons=("the ticket may come out partial",),
                risk=Level.LOW,
            ),
        ),
        recommendation=GO_AHEAD,
        questions=("Is what is listed part of what the ticket asks for?",),
    )


def before_publishing(held: Sequence[Held], others: int) -> Escalation:
    """Ask what of finished work may go on the branch; `others` is how many changed files are not in question."""
    is_guarded = any(each.trigger is Trigger.SECURITY and not each.seen.startswith("sensitive\0") for each in held)
    can_leave_out = others > 0 and all(each.path for each in held)
    return Escalation(
        trigger=_worst(held),
        summary=_shortened(f"{_told(held)}; may it be published?"),
        context=Context(
            tried="C2 is done; the work is kept and nothing of it is on the branch",
            why=_listed(held),
            blocks="the commit and the merge request of this ticket",
        ),
        options=tuple(_publishing(can_leave_out, others)),
        recommendation=(LEAVE_OUT if can_leave_out else REWORK) if is_guarded else PUBLISH,
        questions=("Does the ticket ask for it?",),
    )


def _publishing(can_leave_out: bool, others: int) -> list[Option]:
    options = [
        Option(
            name=PUBLISH,
            description="publish the work as it is, with what is listed",
            pros=("the work is whole",),
            cons=("what is listed is on the branch, and in its history",),
            risk=Level.HIGH,
        ),
        Option(
            name=REWORK,
            description="give it back to the agent; say in the message what to do instead",
            pros=("what is listed can be done another way",),
            cons=("costs another round of work",),
            risk=Level.LOW,
        ),
    ]
    if can_leave_out:
        left = Option(
            name=LEAVE_OUT,
            description=f"restore the listed files as they were and publish the other {others}",
            pros=("what is listed never is on the branch",),
            cons=("the rest may need what is left out; the gates will tell",),
            risk=Level.LOW,
        )
        options.insert(1, left)
    return options


def _worst(held: Sequence[Held]) -> Trigger:
    return min((each.trigger for each in held), key=_SEVERITY.index)


def _told(held: Sequence[Held]) -> str:
    ranked = sorted(held, key=lambda each: _SEVERITY.index(each.trigger))
    whole = "; ".join(each.text for each in ranked)
    if len(held) == 1 or len(whole) <= _MAX_SUMMARY:
        return whole[:_MAX_SUMMARY]
    return f"{ranked[0].text[:_MAX_SUMMARY]}; and {len(held) - 1} more"


def _listed(held: Sequence[Held]) -> str:
    ranked = sorted(held, key=lambda each: _SEVERITY.index(each.trigger))
    lines = [f"{each.trigger}: {each.text[:180]}" for each in ranked[:MAX_LISTED]]
    more = len(held) - MAX_LISTED
    return _shortened("\n".join([*lines, *([f"and {more} more"] if more > 0 else [])]))


def _shortened(text: str) -> str:
    return redact(text)[:3900]
