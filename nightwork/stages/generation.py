"""Stage 2: one ticket from C0 to its draft merge request.

Each step reads what it needs from the batch's folder and leaves what it made there, so that its arguments are plain
values and it can be run again after a kill at any instant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import __version__, engine, records, stop
from nightwork.agent import Assignment, Clock, Escalation, Plan, Scope, TimedOut, Work, open_agent
from nightwork.agent.trajectory import Trajectory
from nightwork.batch import Attempt, Batch, EscalationRecord, TicketRef, check_disk, expectation
from nightwork.change import Change
from nightwork.checkpoint import BatchState
from nightwork.engine import Future
from nightwork.errors import StateError
from nightwork.files import write_atomically
from nightwork.forge import MergeRequest, open_forge
from nightwork.manifest import BatchStatus
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.progress import create_reporter
from nightwork.settings import Settings
from nightwork.stages import gates, together
from nightwork.stages.earlier import reopened
from nightwork.stages.texts import commit_message, follow_up_ticket, merge_request_body
from nightwork.together import place
from nightwork.workspace import BRANCH_PREFIX, WIP_PREFIX, Repository

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


def run_tickets(
    batch: Batch,
    submit: Callable[[TicketRef], Future],
    on_end: Callable[[str, Outcome, float], object] = lambda *_: None,
    retry_failed: bool = False,
) -> BatchState:
    """Work on every ticket that is not settled; the checkpoint is saved after each.

    `on_end` is told of each ticket that ends, started or not, and of how much of the batch is done, in percent.
    """
    manifest, settings, expected = batch.manifest(), batch.settings(), expectation(batch.repository)
    longest = settings.batch.timeout_per_ticket.total_seconds() / 60
    minutes = {entry.id: min(expected.minutes(entry.complexity), longest) for entry in manifest.tickets}
    check_disk(batch.repository, settings)
    batch.sandbox()  # once, rather than each ticket failing alone
    state = reopened(batch, retry_failed)
    batch.save(state)
    batch.tell_manifest(state, BatchStatus.RUNNING)
    reporter = create_reporter(len(state.items), sum(outcome.is_settled() for outcome in state.items.values()))

    def record(name: str, outcome: Outcome) -> None:
        if outcome.status is Status.RUNNING:
            reporter.start(name)
            return
        state.items[name] = outcome.with_(cost_usd=max(state.items[name].cost_usd, _cost_usd(batch, name)))
        batch.save(state)
        reporter.complete(name, outcome)
        on_end(
            name, outcome, 100 * sum(o.status is not Status.PENDING for o in state.items.values()) / len(state.items)
        )

    with stop.on_signals():
        engine.run(
            manifest.items(expected),
            state.items,
            lambda name: submit(batch.ref(state, name)),
            parallel=settings.batch.parallel_agents,
            record=record,
            admit=lambda name: _refusal(state, settings, minutes[name]),
        )
    reporter.finish()
    aborted = any(outcome.status is Status.ABORTED for outcome in state.items.values())
    batch.tell_manifest(state, BatchStatus.ABORTED if aborted else BatchStatus.RUNNING)
    return state


def has_work(batch: Batch, retry_failed: bool) -> bool:
    """Say whether a resume would start a ticket, judge a change or combine what passed."""
    state = reopened(batch, retry_failed)
    if any(outcome.is_unjudged() for outcome in state.items.values()) or together.is_due(batch):
        return True
    items = batch.manifest().items()
    settled = {name: outcome for name, outcome in state.items.items() if outcome.is_settled()}
    return bool(engine.startable(items, settled))


def _refusal(state: BatchState, settings: Settings, minutes: float) -> Outcome | None:
    """Say why a ticket that is expected to take so many minutes may not be started; None when it may."""
    limits = settings.batch
    if stop.is_requested():
        return Outcome(status=Status.ABORTED, reason=Reason.STOPPED, message="the run was stopped")
    if limits.deadline and datetime.now(UTC) + timedelta(minutes=minutes) > limits.deadline:
        message = f"about {minutes:.0f} minutes of work do not end before {limits.deadline:%Y-%m-%d %H:%M %Z}"
        return Outcome(status=Status.ABORTED, reason=Reason.DEADLINE, message=message)
    spent = sum(outcome.cost_usd for outcome in state.items.values())
    if limits.budget_usd is not None and spent >= limits.budget_usd:
        message = f"${spent:.2f} of ${limits.budget_usd:.2f} are spent"
        return Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=message)
    return None


def generate_ticket(
    ref: TicketRef, scope: ScopeStep, plan: PlanStep, implement: ImplementStep, publish: PublishStep
) -> Outcome:
    """Take one ticket through C0, C1, C2 to its merge request; the steps are this module's, or bound to a policy."""
    open_attempt(ref)
    landed = records.load(Landing, ref.folder / "landing.json")
    if landed is None:
        head = Repository(Path(ref.repository)).branch_head(BRANCH_PREFIX + ref.ticket)
        _refuse_moved_branch(ref, head, attempt_of(ref).head)
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
    body = merge_request_body(ticket, scoped, planned, change, follow_up)
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
    _refuse_moved_branch(ref, head, attempt.head, commit)
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


def _refuse_moved_branch(ref: TicketRef, head: str | None, *expected: str | None) -> None:
    if head not in expected:
        where = f"branch {BRANCH_PREFIX}{ref.ticket} was moved to {head} by somebody else"
        message = f"{where}; work of ours is kept in {WIP_PREFIX}{ref.ticket}; move it back, then resume"
        raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.INFRASTRUCTURE, message=message))


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


def keep_work(ref: TicketRef) -> None:
    """Keep what stands in the ticket's worktree under its work-in-progress ref; nothing there is fine."""
    if not (ref.worktree / ".git").exists():
        return
    repository, attempt = Repository(Path(ref.repository)), attempt_of(ref)
    tree = repository.snapshot(ref.worktree)
    if tree != repository.tree(attempt.parent):
        repository.keep_wip(ref.ticket, tree, attempt.parent, attempt.opened_at)


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


def open_attempt(ref: TicketRef) -> Attempt:
    """Fix, once, from which commit the attempt starts; see to its worktree, with the work that was kept of it."""
    repository = Repository(Path(ref.repository))
    attempt = records.load(Attempt, ref.folder / "attempt.json")
    if attempt is None:
        attempt = _new_attempt(ref, repository)
        repository.remove_worktree(ref.worktree)
        repository.retire_wip(ref.ticket)
        records.save(attempt, ref.folder / "attempt.json")
    if ref.change is None and repository.add_worktree(ref.worktree, attempt.parent):
        repository.restore_wip(ref.ticket, attempt.parent, ref.worktree)
    return attempt


def attempt_of(ref: TicketRef) -> Attempt:
    """Return the attempt under way."""
    path = ref.folder / "attempt.json"
    attempt = records.load(Attempt, path)
    if attempt is None:
        raise StateError(path, "is missing", "resume the batch")
    return attempt


def _new_attempt(ref: TicketRef, repository: Repository) -> Attempt:
    batch, manifest, state = ref.batch, ref.batch.manifest(), ref.batch.state()
    entry = next(entry for entry in manifest.tickets if entry.id == ref.ticket)
    carried = batch.carried(ref.ticket)
    parent = carried.head if carried else manifest.base
    origin = carried.origin if carried else manifest.base
    for name in entry.dependencies:
        change = batch.change(name, state.items[name].attempt)
        if change is None:
            raise StateError(batch.folder, f"{name} is completed but has no change", "start a new batch")
        parent = _stack(repository, parent, change.commit, (ref.ticket, name), manifest.created_at)
        origin = _stack(repository, origin, change.commit, (ref.ticket, name), manifest.created_at)
    return Attempt(
        ticket=ref.ticket,
        number=ref.attempt,
        parent=parent,
        origin=origin,
        head=carried.head if carried else None,
        stacked_on=entry.dependencies,
        opened_at=datetime.now(UTC).replace(microsecond=0),
    )


def _stack(repository: Repository, ours: str, theirs: str, names: tuple[str, str], at: datetime) -> str:
    """Return a commit that holds both; raises Unfinished when they conflict."""
    if repository.is_ancestor(ours, theirs):
        return theirs
    if repository.is_ancestor(theirs, ours):
        return ours
    merge = repository.merge(ours, theirs)
    ticket, dependency = names
    if not merge.is_clean:
        message = f"the branches it depends on conflict: {dependency} in {place(merge.conflicts)}"
        raise Unfinished(Outcome(status=Status.SKIPPED, reason=Reason.DEPENDENCY, message=message))
    return repository.commit(merge.tree, [ours, theirs], f"Merge the dependencies of {ticket}\n", at)


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


def _cost_usd(batch: Batch, ticket: str) -> float:
    """Return what a ticket has cost in this batch: all its attempts, however they ended."""
    before = batch.continued(ticket)
    paths = batch.ticket_folder(ticket).glob("attempt-*/trajectory.jsonl")
    return sum(Trajectory(path).cost_usd() for path in paths) - (before.cost_usd if before else 0.0)
