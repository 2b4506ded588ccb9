"""The publisher: turns an agent's worktree into a commit and a merge request, after what needs a person has its answer.

The agent has neither a branch nor a tracker nor a forge to write to; this step has them, and believes nothing that the
agent says: it looks at the difference of the two trees. The very tree that was looked at is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from nightwork import policy, records
from nightwork.agent import Plan, Scope, Work
from nightwork.agent.trajectory import PUBLISHING
from nightwork.batch import TicketRef
from nightwork.change import Change
from nightwork.files import write_atomically
from nightwork.forge import MergeRequest, open_forge
from nightwork.guarding import Guarded
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.policy import Held, Standing
from nightwork.sandbox import is_confined
from nightwork.stages import questions
from nightwork.stages.attempt import attempt_of, refuse_moved_branch
from nightwork.stages.texts import commit_message, follow_up_ticket, merge_request_body
from nightwork.workspace import BRANCH_PREFIX, Repository


class Landing(BaseModel):
    """What the steps of an attempt came to, kept before its commit is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: Scope
    plan: Plan
    work: Work


def publish(ref: TicketRef, scoped: Scope, planned: Plan, work: Work) -> Outcome:
    """Commit the worktree to the ticket's branch and propose the merge request; doing it twice changes nothing.

    What needs a person is asked first; until it has an answer nothing is on the branch.
    """
    repository = Repository(Path(ref.repository))
    records.save(Landing(scope=scoped, plan=planned, work=work), ref.folder / "landing.json")
    change = ref.change
    if change is None:
        tree, held = _examined(ref, repository)
        if held:
            others = len(_entries(ref, repository, tree)) - len({each.path for each in held})
            return questions.ask(ref, PUBLISHING, held, policy.before_publishing(held, others))
        change = _land(ref, repository, work, tree)
    _propose(ref, scoped, planned, work, change)
    repository.drop_wip(ref.ticket)
    repository.remove_worktree(ref.worktree)
    return Outcome(status=change.status, attempt=ref.attempt, **_left_over(work))


def _left_over(work: Work) -> dict[str, Any]:
    """Return reason and message of what remains to be done; nothing when all is."""
    points = len(work.remaining)
    if work.cut_short:
        return {"reason": Reason(work.cut_short), "message": work.remaining[0].removeprefix("unfinished: ")}
    if points:
        return {"reason": Reason.REMAINING_WORK, "message": f"{points} point{'s' if points > 1 else ''} left"}
    return {}


def _examined(ref: TicketRef, repository: Repository) -> tuple[str, list[Held]]:
    """Return the tree to publish, without what people want left out, and what of it nobody has decided on."""
    tree, known = repository.snapshot(ref.worktree), questions.said(ref)
    held = _held(ref, repository, tree)
    unwanted = {each.path for each in held if known.get(each.subject) is Standing.LEFT_OUT and each.path}
    if unwanted:
        repository.restore(ref.worktree, attempt_of(ref).parent, sorted(unwanted))
        tree = repository.snapshot(ref.worktree)
        held = _held(ref, repository, tree)
    return tree, questions.unsettled(ref, held)


def _held(ref: TicketRef, repository: Repository, tree: str) -> list[Held]:
    settings, parent = ref.batch.settings(), repository.tree(attempt_of(ref).parent)
    entries = repository.entries(parent, tree)
    held = list(policy.held_paths(entries, repository, settings))
    if Guarded.SECRETS in settings.policy.hold:
        held += policy.held_secrets(repository, parent, tree, entries)
    return held + policy.held_by_change(repository, parent, tree, entries, settings.escalation)


def _entries(ref: TicketRef, repository: Repository, tree: str) -> set[str]:
    return {entry.path for entry in repository.entries(repository.tree(attempt_of(ref).parent), tree)}


def _land(ref: TicketRef, repository: Repository, work: Work, tree: str) -> Change:
    """Make the attempt's one commit and point the branch at it."""
    batch, attempt = ref.batch, attempt_of(ref)
    ticket, branch = batch.ticket(ref.ticket), BRANCH_PREFIX + ref.ticket
    if tree == repository.tree(attempt.parent):
        message = "the agent ended without changing a file"
        if questions.said(ref):
            message = "nothing is left to publish: what was changed was left out by decision"
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


def _propose(ref: TicketRef, scoped: Scope, planned: Plan, work: Work, change: Change) -> None:
    ticket = ref.batch.ticket(ref.ticket)
    body = merge_request_body(
        ticket,
        scoped,
        planned,
        change,
        _write_follow_up(ref, work),
        notes=_notes(ref),
        reach=_reach(ref),
        confined=is_confined(ref.batch.settings().sandbox),
    )
    shared = change.model_dump(include={"ticket", "attempt", "branch", "parent", "commit", "stacked_on"})
    open_forge(ref.batch.folder).propose(MergeRequest(title=ticket.title, body=body, **shared))


def _notes(ref: TicketRef) -> list[str]:
    """Return what a reviewer is to know of how the change came about: decisions, and what the ticket hid."""
    hidden = [f"the ticket held what its readers do not see: {what}" for what in ref.batch.ticket(ref.ticket).hidden]
    return [*(f"decided: {each}" for each in questions.decisions(ref)), *hidden]


def _reach(ref: TicketRef) -> str:
    return f"Agent: {ref.batch.settings().agent.reach()}."


def _write_follow_up(ref: TicketRef, work: Work) -> Path | None:
    if work.follow_up is None:
        return None
    path = ref.batch.folder / "follow_ups" / f"{ref.ticket}-follow-up.md"
    write_atomically(path, follow_up_ticket(ref.batch.ticket(ref.ticket), work.follow_up, work.remaining))
    return path
