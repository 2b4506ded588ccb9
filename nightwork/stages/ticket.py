"""Stage 2 for one ticket: from C0 to its draft merge request.

Each step reads what it needs from the batch's folder and leaves what it made there, so that its arguments are plain
values and it can be run again after a kill at any instant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from nightwork import __version__, policy, records
from nightwork.agent import Assignment, Clock, Escalation, Plan, Scope, TimedOut, Work, open_agent
from nightwork.batch import TicketRef
from nightwork.ledger import OverBudget
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.policy import Held
from nightwork.stages import gates, instructions, questions
from nightwork.stages.account import account_of
from nightwork.stages.attempt import attempt_of, keep_work, open_attempt, refuse_moved_branch
from nightwork.stages.publish import Landing, publish
from nightwork.workspace import BRANCH_PREFIX, Repository

__all__ = ["generate_ticket", "implement", "plan", "publish", "scope", "step_key"]

# Part of every step's key: raise it when a step's result changes its meaning.
STEP_VERSION = 1


ScopeStep = Callable[[TicketRef], Scope | Escalation]
PlanStep = Callable[[TicketRef, Scope], Plan | Escalation]
ImplementStep = Callable[[TicketRef, Scope, Plan], Work | Escalation]
PublishStep = Callable[[TicketRef, Scope, Plan, Work], Outcome]


def generate_ticket(
    ref: TicketRef, scope: ScopeStep, plan: PlanStep, implement: ImplementStep, publish: PublishStep
) -> Outcome:
    """Take one ticket through C0, C1, C2 to its merge request; the steps are this module's, or bound to a policy."""
    open_attempt(ref)
    landed = _landed(ref)
    if landed is None:
        head = Repository(Path(ref.repository)).branch_head(BRANCH_PREFIX + ref.ticket)
        refuse_moved_branch(ref, head, attempt_of(ref).head)
    try:
        if landed:
            return publish(ref, landed.scope, landed.plan, landed.work)
        return _work_on(ref, scope, plan, implement, publish)
    except TimedOut as error:
        raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.TIMEOUT, message=str(error))) from error
    except OverBudget as error:
        raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=str(error))) from error
    finally:
        keep_work(ref)


def _work_on(
    ref: TicketRef, scope: ScopeStep, plan: PlanStep, implement: ImplementStep, publish: PublishStep
) -> Outcome:
    scoped = scope(ref)
    if isinstance(scoped, Escalation):
        return questions.escalate(ref, scoped)
    if asked := _check(ref, "C0", policy.held_by_scope(scoped, ref.batch.settings().escalation)):
        return asked
    planned = plan(ref, scoped)
    if isinstance(planned, Escalation):
        return questions.escalate(ref, planned)
    if asked := _check(ref, "C1", policy.held_by_plan(planned, ref.batch.settings().escalation)):
        return asked
    work = implement(ref, scoped, planned)
    if isinstance(work, Escalation):
        return questions.escalate(ref, work)
    return publish(ref, scoped, planned, work)


def _landed(ref: TicketRef) -> Landing | None:
    """Return what the steps came to, when they did and the work was not given back to the agent."""
    landed = records.load(Landing, ref.folder / "landing.json")
    if landed and ref.change is None and questions.goes_back(ref):
        (ref.folder / "landing.json").unlink()
        return None
    return landed


def _check(ref: TicketRef, stage: str, held: Sequence[Held]) -> Outcome | None:
    """Ask about what needs a person before any work on it is paid for; None when nothing does."""
    open_points = questions.unanswered(ref, held)
    if not open_points:
        return None
    return questions.ask(ref, f"check {stage}", open_points, policy.before_work(open_points, stage))


def scope(ref: TicketRef) -> Scope | Escalation:
    """C0: understand the scope."""
    return open_agent(_assignment(ref), Path(ref.repository), "C0").scope()


def plan(ref: TicketRef, scoped: Scope) -> Plan | Escalation:
    """C1: plan the approach and its risks."""
    return open_agent(_assignment(ref), Path(ref.repository), "C1").plan(scoped)


def implement(ref: TicketRef, scoped: Scope, planned: Plan) -> Work | Escalation:
    """C2: implement and test, with at most `agent.fix_rounds` rounds against the gates.

    A ticket whose time or money is over is partial with a usable difference.
    """
    assignment = _assignment(ref)
    try:
        agent = open_agent(assignment, Path(ref.repository), "C2")
        return _unless_empty(ref, agent.implement(scoped, planned, lambda: gates.objections(ref)))
    except TimedOut as error:
        return _cut_short(ref, error, "timeout")
    except OverBudget as error:
        if error.whose != "ticket":
            raise
        return _cut_short(ref, error, "budget")


def _unless_empty(ref: TicketRef, work: Work | Escalation) -> Work | Escalation:
    """Return what an agent came to; raises Unfinished (aborted) when its money was over before it changed anything."""
    if isinstance(work, Work) and work.cut_short == "budget" and _is_unchanged(ref):
        message = work.remaining[0].removeprefix("unfinished: ")
        raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=message))
    return work


def _is_unchanged(ref: TicketRef) -> bool:
    repository = Repository(Path(ref.repository))
    return repository.snapshot(ref.worktree) == repository.tree(attempt_of(ref).parent)


def _cut_short(ref: TicketRef, error: TimedOut | OverBudget, why: Literal["timeout", "budget"]) -> Work:
    """Return what there is of a ticket that had to end early; raises the error again when there is nothing."""
    if _is_unchanged(ref):
        raise error
    title = ref.batch.ticket(ref.ticket).title
    return Work(summary=title, remaining=(f"unfinished: {error}; see the transcript",), cut_short=why)


def step_key(ref: TicketRef, stage: str) -> str:
    """Return the key under which a step's result may be used again: whatever shapes it, and nothing else."""
    batch, carried = ref.batch, ref.batch.carried(ref.ticket)
    parts = [
        ref.run_id,
        batch.ticket(ref.ticket).model_dump_json(),
        attempt_of(ref).model_dump_json(),
        *(carried.comments if carried else ()),
        *(answer.model_dump_json() for answer in batch.decisions.answers(ref.ticket, ref.attempt)),
        batch.settings().agent.model_dump_json(),
        stage,
        str(STEP_VERSION),
        __version__,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _assignment(ref: TicketRef) -> Assignment:
    batch, settings, carried = ref.batch, ref.batch.settings(), ref.batch.carried(ref.ticket)
    return Assignment(
        ticket=batch.ticket(ref.ticket),
        attempt=ref.attempt,
        worktree=ref.worktree,
        trajectory=ref.folder / "trajectory.jsonl",
        settings=settings.agent,
        sandbox=batch.sandbox(),
        account=account_of(batch),
        clock=Clock(settings.batch.timeout_per_ticket.total_seconds(), ref.started),
        answers=questions.texts(ref),
        settled=questions.settled(ref),
        around=lambda: instructions.of_the_base(ref),
        comments=carried.comments if carried else (),
        prices=settings.prices,
    )
