"""Where an attempt of a ticket starts, and its worktree, whose state is never lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from nightwork import records
from nightwork.batch import Attempt, TicketRef
from nightwork.errors import StateError
from nightwork.outcome import Outcome, Reason, Status, Unfinished
from nightwork.together import place
from nightwork.workspace import BRANCH_PREFIX, WIP_PREFIX, Repository


def open_attempt(ref: TicketRef) -> Attempt:
    """Fix, once, from which commit the attempt starts; see to its worktree, with the work that was kept of it."""
    repository = Repository(Path(ref.repository))
    attempt = records.load(Attempt, ref.folder / "attempt.json")
    if attempt is None:
        attempt = _new_attempt(ref, repository)
        repository.remove_worktree(ref.worktree)
        repository.retire_wip(ref.ticket)
        records.save(attempt, ref.folder / "attempt.json")
    if ref.change is None:
        repository.add_worktree(ref.worktree, attempt.parent, repository.wip(ref.ticket, attempt.parent))
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


def keep_work(ref: TicketRef) -> str | None:
    """Keep what stands in the ticket's worktree under its work-in-progress ref; nothing there is fine.

    Returns the commit that holds the attempt's work; None when the attempt has changed nothing.
    """
    repository, attempt = Repository(Path(ref.repository)), records.load(Attempt, ref.folder / "attempt.json")
    if not (ref.worktree / ".git").exists():
        return repository.wip(ref.ticket, attempt.parent) if attempt else None
    attempt = attempt_of(ref)
    tree = repository.snapshot(ref.worktree)
    if tree == repository.tree(attempt.parent):
        return None
    return repository.keep_wip(ref.ticket, tree, attempt.parent, attempt.opened_at)


def refuse_moved_branch(ref: TicketRef, head: str | None, *expected: str | None) -> None:
    """Raise Unfinished when a ticket's branch stands where nobody of ours has put it."""
    if head not in expected:
        where = f"branch {BRANCH_PREFIX}{ref.ticket} was moved to {head} by somebody else"
        message = f"{where}; work of ours is kept in {WIP_PREFIX}{ref.ticket}; move it back, then resume"
        raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.INFRASTRUCTURE, message=message))
