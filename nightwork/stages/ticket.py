"""Stage 2 for one ticket: from C0 to its draft merge request.

Each step reads what it needs from the batch's folder and leaves what it made there, so that its arguments are plain
values and it can be run again after a kill at any instant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import __version__, records
from nightwork.agent import Assignment, Clock, Escalation, Plan, Scope, TimedOut, Work, open_agent
from nightwork.batch import EscalationRecord, TicketRef
from nightwork.change import Change
from nightwork.files import write_atomically
from nightwork.forge import MergeRequest, open_forge
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.sandbox import is_confined
from nightwork.stages import gates
from nightwork.stages.attempt import attempt_of, keep_work, open_attempt, refuse_moved_branch
from nightwork.stages.texts import commit_message, follow_up_ticket, merge_request_body
from nightwork.workspace import BRANCH_PREFIX, Repository

# Part of every step's key: raise it when a step's result changes its meaning.
STEP_VERSION = 1


class Landing(BaseModel):
    """What the steps of an attempt came to, kept before its commit is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: Scope
    plan: Plan
    work: Work


ScopeStep = Callable[[TicketRef], Scope | Escalation]
PlanStep = Callable[[TicketRef, Scope], Plan | Escalation]
ImplementStep = Callable[[TicketRef, Scope, Plan], Work | Escalation]
PublishStep = Callable[[TicketRef, Scope, Plan, Work], Outcome]


def generate_ticket(
    ref: TicketRef, scope: ScopeStep, plan: PlanStep, implement: ImplementStep, publish: PublishStep
) -> Outcome:
    """Take one ticket through C0, C1, C2 to its merge request; the steps are this module's, or bound to a policy."""
    open_attempt(ref)
    landed = records.load(Landing, ref.folder / "landing.json")
    if landed is None:
        head = Repository(Path(ref.repository)).branch_head(BRANCH_PREFIX + ref.ticket)
        refuse_moved_branch(ref, head, attempt_of(ref).head)
    if landed and ref.change:
        return publish(ref, landed.scope, landed.plan, landed.work)
    try:
        scoped = scope(ref)
        if isinstance(scoped, Escalation):
            return escalate(ref, scoped)
        planned = plan(ref, scoped)
        if isinstance(planned, Escalation):
            return escalate(ref, planned)
        work = implement(ref, scoped, planned)
        if isinstance(work, Escalation):
            return escalate(ref, work)
        return publish(ref, scoped, planned, work)
    except TimedOut as error:
        raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.TIMEOUT, message=str(error))) from error
    finally:
        keep_work(ref)


def scope(ref: TicketRef) -> Scope | Escalation:
    """C0: understand the scope."""
    return open_agent(_assignment(ref), Path(ref.repository)).scope()


def plan(ref: TicketRef, scoped: Scope) -> Plan | Escalation:
    """C1: plan the approach and its risks."""
    return open_agent(_assignment(ref), Path(ref.repository)).plan(scoped)


def implement(ref: TicketRef, scoped: Scope, planned: Plan) -> Work | Escalation:
    """C2: implement and test, with at most `agent.fix_rounds` rounds against the gates.

    A ticket whose time is over is partial with a usable difference, and failed without one.
    """
    assignment = _assignment(ref)
    try:
        return open_agent(assignment, Path(ref.repository)).implement(scoped, planned, lambda: gates.objections(ref))
    except TimedOut as error:
        repository = Repository(Path(ref.repository))
        if repository.snapshot(ref.worktree) == repository.tree(attempt_of(ref).parent):
            raise
        title = ref.batch.ticket(ref.ticket).title
        return Work(summary=title, remaining=(f"unfinished: {error}; see the transcript",))


def publish(ref: TicketRef, scoped: Scope, planned: Plan, work: Work) -> Outcome:
    """Commit the worktree to the ticket's branch and propose the merge request; doing it twice changes nothing."""
    batch, repository = ref.batch, Repository(Path(ref.repository))
    ticket = batch.ticket(ref.ticket)
    records.save(Landing(scope=scoped, plan=planned, work=work), ref.folder / "landing.json")
    change = ref.change or _land(ref, repository, work)
    follow_up = _write_follow_up(ref, work)
    confined = is_confined(batch.settings().sandbox)
    body = merge_request_body(ticket, scoped, planned, change, follow_up, confined)
    shared = change.model_dump(include={"ticket", "attempt", "branch", "parent", "commit", "stacked_on"})
    open_forge(batch.folder).propose(MergeRequest(title=ticket.title, body=body, **shared))
    repository.drop_wip(ticket.id)
    repository.remove_worktree(ref.worktree)
    points = len(work.remaining)
    return Outcome(
        status=change.status,
        reason=Reason.REMAINING_WORK if points else None,
        message=f"{points} point{'s' if points > 1 else ''} left" if points else "",
        attempt=ref.attempt,
    )


def _land(ref: TicketRef, repository: Repository, work: Work) -> Change:
    """Make the attempt's one commit and point the branch at it."""
    batch, attempt = ref.batch, attempt_of(ref)
    ticket, branch = batch.ticket(ref.ticket), BRANCH_PREFIX + ref.ticket
    tree = repository.snapshot(ref.worktree)
    if tree == repository.tree(attempt.parent):
        message = "the agent ended without changing a file"
        raise Unfinished(Outcome(status=Status.FAILED, reason=Reason.NO_CHANGE, message=message))
    commit = repository.commit(tree, [attempt.parent], commit_message(ticket, work, batch.id), attempt.opened_at)
    head = repository.branch_head(branch)
    if head and repository.tree(head) == tree and repository.parents(head) == [attempt.parent]:
        commit = head  # made before a kill, perhaps by an earlier batch, whose name is in its message
    refuse_moved_branch(ref, head, attempt.head, commit)
    repository.set_branch(branch, commit)
    change = Change(
        ticket=ticket.id,
        attempt=attempt.number,
        title=ticket.title,
        branch=branch,
        parent=attempt.parent,
        origin=attempt.origin,
        commit=commit,
        tree=tree,
        stacked_on=attempt.stacked_on,
        files=tuple(repository.changes(attempt.origin, commit)),
        status=Status.PARTIAL if work.remaining else Status.COMPLETED,
        remaining=work.remaining,
    )
    records.save(change, ref.folder / "change.json")
    return change


def _write_follow_up(ref: TicketRef, work: Work) -> Path | None:
    if work.follow_up is None:
        return None
    path = ref.batch.folder / "follow_ups" / f"{ref.ticket}-follow-up.md"
    write_atomically(path, follow_up_ticket(ref.batch.ticket(ref.ticket), work.follow_up, work.remaining))
    return path


def escalate(ref: TicketRef, escalation: Escalation) -> Outcome:
    """Put the ticket into the queue of decisions."""
    batch = ref.batch
    number = len(batch.decisions.answers(ref.ticket, ref.attempt))
    record = EscalationRecord(ticket=ref.ticket, attempt=ref.attempt, number=number, escalation=escalation)
    records.save(record, batch.folder / "escalations" / f"{ref.ticket}.json")
    reason = Reason(escalation.trigger.value)
    return Outcome(status=Status.ESCALATED, reason=reason, message=escalation.summary, attempt=ref.attempt)


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
        clock=Clock(settings.batch.timeout_per_ticket.total_seconds(), ref.started),
        answers=tuple(answer.text() for answer in batch.decisions.answers(ref.ticket, ref.attempt)),
        comments=carried.comments if carried else (),
    )
