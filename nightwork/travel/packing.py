"""The state of a batch as one commit: its folder as the tree, the refs of its tickets in the message and as parents.

One ref thus carries everything, and no half of a state can be seen. A commit has the one before as its first parent, so
that only what is new is sent; every so often it has none, so that old states can be forgotten.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from nightwork import records
from nightwork.batch import Batch
from nightwork.checkpoint import BatchState
from nightwork.outcome import Status
from nightwork.settings import Settings
from nightwork.stages import account
from nightwork.travel.files import SETTINGS, content, mark, travelling
from nightwork.travel.names import AGENTS, Note, read_note
from nightwork.travel.picture import Picture, Unsteady, refs_of, take
from nightwork.workspace import Repository

_GENERATIONS = 50
_FIRST = ("checkpoint.json", "manifest.yaml")  # what tells that something is done is read before what was done


@dataclass(frozen=True)
class Packed:
    """A batch's state: the commit that holds it, its tree, and the refs of its tickets."""

    commit: str
    tree: str
    refs: Mapping[str, str]

    @property
    def branches(self) -> dict[str, str]:
        """The branches of its tickets."""
        return {ref: at for ref, at in self.refs.items() if ref.startswith(AGENTS)}


class Packer:
    """Makes commits of batches; knows the tickets that it has seen before."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._seen: dict[tuple[str, str], tuple[object, Picture]] = {}
        self._made: dict[tuple[str, str, str], str] = {}

    def pack(
        self,
        batch: Batch,
        holders: Mapping[str, str],
        before: str | None,
        idle_since: float | None = None,
        refs: Mapping[str, str] | None = None,
    ) -> Packed | None:
        """Return the state of a batch; that of `before` when nothing has changed since, None when it is half made.

        `holders` names the newest batch of each ticket, whose refs go with it. Nobody is at work when `idle_since` is
        None, see `picture.take`, and it raises Unsteady as that does. `refs` stand in the place of those found.
        """
        if not batch.exists():
            return None
        state = batch.state()
        found = {name: content(batch.folder / name) for name in _FIRST}
        for path, _ in travelling(batch.folder):
            if path not in found and not path.startswith("tickets/"):
                found[path] = content(batch.folder / path)
        blobs, known = self.repository.store(found), dict[str, str]()
        for ticket in state.items:
            picture = self._picture(batch, state, ticket, idle_since)
            blobs |= picture.files
            known |= picture.refs if holders.get(ticket, batch.id) == batch.id else {}
        return self._commit(batch, blobs, known if refs is None else refs, before)

    def look(self, newest: Mapping[str, str], idle_since: float) -> None:
        """Picture the tickets that are worked on and at rest just now: the next commit has what fits together."""
        for worktree in self.repository.root.glob(".nightwork/worktrees/*/agent"):
            ticket = worktree.parent.name
            batch = Batch(self.repository.root, newest.get(ticket, ""))
            if ticket in newest and batch.exists():
                with contextlib.suppress(Unsteady):
                    self._picture(batch, batch.state(), ticket, idle_since)

    def _picture(self, batch: Batch, state: BatchState, ticket: str, idle_since: float | None) -> Picture:
        outcome = state.items[ticket]
        key = (mark(batch.folder, f"tickets/{ticket}"), refs_of(self.repository, ticket), outcome.status)
        known, former = self._seen.get((batch.id, ticket), (None, None))
        if former and known == key and (outcome.status is not Status.PENDING or idle_since is not None):
            return former
        picture = take(batch, ticket, outcome, former, idle_since)
        self._seen[batch.id, ticket] = (key, picture)
        return picture

    def _commit(self, batch: Batch, blobs: Mapping[str, str], refs: Mapping[str, str], before: str | None) -> Packed:
        """Make the commit of a state, on the one before; that one is returned when it says the same."""
        tree = self.repository.make_tree(blobs)
        former = read_note(self.repository, before, batch.id) if before else None
        note = Note(refs=dict(refs), tickets=_tracker(batch), spent_usd=_spent(batch, former))
        if before and former and self.repository.tree(before) == tree and former.refs == note.refs:
            return Packed(before, tree, refs)
        age = former.generation + 1 if former else 0
        parents = [before] if before and age < _GENERATIONS else []
        note = note.model_copy(update={"generation": age if parents else 0})
        base = batch.manifest().base
        made = self._made.get((batch.id, tree, note.text()))
        if made and self.repository.parents(made)[: len(parents)] == parents:
            return Packed(made, tree, refs)  # so that a push of which nobody knows what came of it can be made again
        also = {*refs.values(), *([base] if self.repository.has_commit(base) else [])}
        commit = self.repository.commit(tree, [*parents, *sorted(also)], note.text(), datetime.now(UTC))
        self._made[batch.id, tree, note.text()] = commit
        return Packed(commit, tree, refs)


def _spent(batch: Batch, former: Note | None) -> dict[str, float]:
    """Return what unfinished tickets have spent, at least; what finished ones have stands in the checkpoint."""
    ledger, known = account.ledger_of(batch), former.spent_usd if former else {}
    names = [name for name, outcome in batch.state().items.items() if outcome.status is Status.PENDING]
    begun = [name for name in names if (batch.ticket_folder(name) / "attempt-1").exists() or name in known]
    found = {name: account.spent_usd(ledger, batch, name, 0.0) for name in begun}
    return {name: usd for name in begun if (usd := max(found[name], known.get(name, 0.0)))}


def _tracker(batch: Batch) -> str | None:
    settings = records.load(Settings, batch.folder / SETTINGS)
    return settings.tickets if settings else None
