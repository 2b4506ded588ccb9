"""Files that instruct coding agents, as the base commit has them: no ticket and no stacked change brings others.

A command line reads them by itself from the worktree, so they are put in place for each of its rounds, and taken back
afterwards unless it has changed them, which the publisher then asks about.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import records
from nightwork.batch import TicketRef
from nightwork.gates.flags import matches
from nightwork.policy.paths import INSTRUCTIONS, plain
from nightwork.workspace import Repository

# Read by one of them as well, and able to send its requests and its key elsewhere.
_SETTINGS = (".env",)


class SetAside(BaseModel):
    """What stood in the worktree before the base's files were put in place: a tree, and the paths that differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tree: str
    paths: tuple[str, ...]


@contextlib.contextmanager
def of_the_base(ref: TicketRef) -> Iterator[None]:
    """Let the base's instruction files stand in the ticket's worktree while the context lasts."""
    repository, base = Repository(Path(ref.repository)), ref.batch.manifest().base
    note = ref.folder / "instructions.json"
    if (left := records.load(SetAside, note)) is not None:
        _take_back(ref, repository, base, left)
    tree = repository.snapshot(ref.worktree)
    changed = [entry.path for entry in repository.entries(repository.tree(base), tree)]
    aside = SetAside(
        tree=tree, paths=tuple(path for path in changed if matches(plain(path), (*INSTRUCTIONS, *_SETTINGS)))
    )
    if not aside.paths:
        yield
        return
    records.save(aside, note, exact=True)
    repository.restore(ref.worktree, base, list(aside.paths))
    try:
        yield
    finally:
        _take_back(ref, repository, base, aside)
        note.unlink(missing_ok=True)


def _take_back(ref: TicketRef, repository: Repository, base: str, aside: SetAside) -> None:
    """Restore what was set aside where the agent has left the base's files alone."""
    now = repository.snapshot(ref.worktree)
    touched = {entry.path for entry in repository.entries(repository.tree(base), now)}
    untouched = [path for path in aside.paths if path not in touched]
    repository.restore(ref.worktree, aside.tree, untouched)
