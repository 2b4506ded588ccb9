"""Brings a working copy and what its remote holds into step, before a run and around a decision.

Three states are compared for each batch: the local files, what the remote holds, and what both were when they were last
in step. What only one side has changed stands. When both have, the remote's stands and the local one is put aside; only
of the decisions every one is kept that concerns another matter, the remote's first.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nightwork.batch import Batch, batches
from nightwork.decision import Decision
from nightwork.ledger import Purpose
from nightwork.stages import account
from nightwork.travel import taking
from nightwork.travel.files import mark
from nightwork.travel.names import (
    AGENTS,
    AGENTS_SYNCED,
    ASIDE,
    BATCHES_SEEN,
    BATCHES_SYNCED,
    BRANCHES_SEEN,
    read_note,
    ticket_of,
)
from nightwork.travel.packing import Packed, Packer
from nightwork.travel.taking import DECISIONS
from nightwork.workspace import BRANCH_PREFIX, OLD_WIP_PREFIX, WIP_PREFIX, Repository
from nightwork.workspace.stored import Stored

logger = logging.getLogger("nightwork.travel")

Overruled = list[tuple[Decision, Decision]]


def holders(repository: Repository) -> dict[str, str]:
    """Return the newest batch of each ticket."""
    return {name: batch.id for batch in batches(repository.root) for name in batch.state().items}


@dataclass
class Arrival:
    """One comparison of a working copy with its remote, of which everything was fetched before.

    With `mixing`, a batch that both sides have changed is merged file by file: for decisions, which touch few files.
    """

    repository: Repository
    packer: Packer
    mixing: bool = False
    overruled: Overruled = field(default_factory=list)
    _marks: dict[str, str] = field(default_factory=dict)

    def bring_in(self) -> None:
        """Take over what the remote has changed; raises StateError when it is not what a run has pushed."""
        seen = _named(self.repository, BATCHES_SEEN)
        synced = _named(self.repository, BATCHES_SYNCED)
        for name in seen:
            taking.check_name(name)
        taken = [name for name in sorted(seen) if self._settle(name, synced.get(name), seen[name])]
        for name in sorted(set(synced) - set(seen)):
            self._leave(name, synced[name])
        newest = holders(self.repository)
        for name in taken:
            self._point_refs(name, seen[name], newest)
            if not self.mixing:
                self._tell_ledger(name, seen[name])
        self._settle_branches()

    def _settle(self, name: str, synced: str | None, remote: str) -> bool:
        """Bring one batch into step; returns whether the remote's state was taken over, in whole or in part."""
        batch = Batch(self.repository.root, name)
        if not batch.folder.exists():
            self._take(batch, remote, None)
            return True
        if remote == synced:
            return False
        local = None if taking.is_in_step(batch, synced) else self.packer.pack(batch, holders(self.repository), synced)
        if local is None or self._is_same(local, synced, batch):
            self._take(batch, remote, None)
        elif self.mixing:
            self._mix(batch, local, synced, remote)
        else:
            self._overrule(batch, local, remote)
        return True

    def _is_same(self, local: Packed, commit: str | None, batch: Batch) -> bool:
        if commit is None:
            return False
        is_tree = self.repository.tree(commit) == local.tree
        return is_tree and (self.mixing or read_note(self.repository, commit, batch.id).refs == local.refs)

    def _take(self, batch: Batch, remote: str, local: Packed | None) -> None:
        note = read_note(self.repository, remote, batch.id)
        entries = taking.entries_of(self.repository, remote, batch.id)
        aside = None
        if local:
            name = taking.aside_name(batch)
            aside = batch.state_folder / "aside" / name
            self.repository.move_refs({ASIDE + name: local.commit})
            told = "batch %s was changed elsewhere as well; what was done here is kept in .nightwork/aside/%s and %s%s"
            logger.warning(told, batch.id, name, ASIDE, name)
        taking.put_in_place(self.repository, batch, {each.path: each for each in entries}, note, aside)
        self._marks[batch.id] = mark(batch.folder)

    def _overrule(self, batch: Batch, local: Packed, remote: str) -> None:
        ours = batch.decisions.all()
        same = self.repository.tree(remote) == local.tree
        self._take(batch, remote, None if same else local)
        self.overruled += _unite(batch, ours)

    def _mix(self, batch: Batch, local: Packed, synced: str | None, remote: str) -> None:
        """Merge file by file; where a decision of ours came too late, the merge request is as theirs made it."""
        ours, theirs = batch.decisions.all(), taking.entries_of(self.repository, remote, batch.id)
        here, there = _by_path(self.repository.stored(local.tree)), _by_path(theirs)
        before = _by_path(self.repository.stored(synced)) if synced else {}
        merged = _merged(before, here, there)
        merged |= {DECISIONS: there[DECISIONS]} if DECISIONS in there else {}
        note = read_note(self.repository, remote, batch.id)
        taking.put_in_place(self.repository, batch, merged, note, None)
        overruled = _unite(batch, ours)
        if overruled:
            marked = {f"merge_requests/{decision.ticket}.md" for decision, _ in overruled}
            merged |= {path: entry for path, entry in there.items() if path in marked}
            taking.put_in_place(self.repository, batch, merged, note, None)
            _unite(batch, ours)
        self.overruled += overruled

    def _leave(self, name: str, synced: str) -> None:
        """Put a batch aside that was taken away from the remote, unless it was changed here."""
        batch = Batch(self.repository.root, name)
        if batch.folder.exists() and taking.is_in_step(batch, synced):
            aside = batch.state_folder / "aside" / taking.aside_name(batch)
            aside.parent.mkdir(parents=True, exist_ok=True)
            batch.folder.rename(aside)
            logger.warning(
                "batch %s was taken away from the remote; it is kept in .nightwork/aside/%s", name, aside.name
            )
        self.repository.move_refs({BATCHES_SYNCED + name: None})

    def _point_refs(self, name: str, commit: str, newest: Mapping[str, str]) -> None:
        """Let the kept work of a batch's tickets be what came with it; then the batch is in step."""
        batch = Batch(self.repository.root, name)
        wanted = {ref: at for ref, at in read_note(self.repository, commit, name).refs.items() if not _is_branch(ref)}
        mine = {ticket for ticket, holder in newest.items() if holder == name}
        here = {ref for ref in self.repository.targets(WIP_PREFIX, OLD_WIP_PREFIX) if ticket_of(ref) in mine}
        moved: dict[str, str | None] = dict.fromkeys(here - set(wanted))
        moved |= {ref: at for ref, at in wanted.items() if ticket_of(ref) in mine}
        self.repository.move_refs({**moved, BATCHES_SYNCED + name: commit})
        if name in self._marks:
            taking.note_in_step(batch, commit, self._marks[name])

    def _tell_ledger(self, name: str, commit: str) -> None:
        """Let the ledger of this machine know what was spent elsewhere on tickets that are not finished."""
        batch = Batch(self.repository.root, name)
        for ticket, usd in read_note(self.repository, commit, name).spent_usd.items():
            account.ledger_of(batch).make_up(Purpose(name, ticket, "earlier", "not known"), usd)

    def _settle_branches(self) -> None:
        """Let each ticket's branch be what the one side made of it that has changed it; the remote's when both have."""
        there = _named(self.repository, BRANCHES_SEEN + BRANCH_PREFIX)
        synced, here = _named(self.repository, AGENTS_SYNCED), _named(self.repository, AGENTS)
        moved: dict[str, str | None] = {}
        for name in {*there, *here}:
            ours, theirs, before = here.get(name), there.get(name), synced.get(name)
            if ours == theirs or (theirs == before and ours is not None):
                continue
            if ours not in {None, before}:
                moved[f"{ASIDE}branches/{name}/{(ours or '')[:12]}"] = ours
                logger.warning(
                    "branch %s%s was moved on the remote; ours is kept below %sbranches/", BRANCH_PREFIX, name, ASIDE
                )
            moved[AGENTS + name] = theirs
        gone = {AGENTS_SYNCED + name: None for name in set(synced) - set(there)}
        self.repository.move_refs(moved | gone | {AGENTS_SYNCED + name: at for name, at in there.items()})


def _merged(before: Mapping[str, Stored], here: Mapping[str, Stored], there: Mapping[str, Stored]) -> dict[str, Stored]:
    """Return the files of a three-way merge, file by file; the remote's where both sides have changed one."""
    merged = dict(there)
    for path in {*before, *here}:
        ours, theirs, base = (_blob(files, path) for files in (here, there, before))
        if theirs == base and ours != base:
            merged.pop(path, None)
            merged |= {path: here[path]} if path in here else {}
    return merged


def _blob(files: Mapping[str, Stored], path: str) -> str | None:
    return files[path].blob if path in files else None


def _by_path(entries: Sequence[Stored]) -> dict[str, Stored]:
    return {entry.path: entry for entry in entries}


def _unite(batch: Batch, ours: Sequence[Decision]) -> Overruled:
    """Add our decisions to those that came, which go first; returns those of ours that hold no more."""
    overruled = []
    for decision in ours:
        holds = batch.decisions.take(decision)
        if holds != decision:
            overruled.append((decision, holds))
    return overruled


def _named(repository: Repository, prefix: str) -> dict[str, str]:
    return {ref.removeprefix(prefix): at for ref, at in repository.targets(prefix).items()}


def _is_branch(ref: str) -> bool:
    return ref.startswith(AGENTS)
