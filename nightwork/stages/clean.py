"""What nobody needs any more: worktrees at rest, branches of rejected or merged work, old records of conversations.

Nothing that waits for a person, and nothing that a resume would go on with, is ever removed; outcomes, changes,
judgements and decisions stay, so that trends and the next intake know them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from nightwork.batch import Batch, batches
from nightwork.checkpoint import load_checkpoint
from nightwork.decision import Kind
from nightwork.outcome import Outcome, Reason, Status
from nightwork.sandbox.mark import living
from nightwork.workspace import BRANCH_PREFIX, OLD_WIP_PREFIX, WIP_PREFIX, Repository

DAY_S = 86_400.0

# What nightwork makes in a folder of worktrees: for an agent, for gates, for environment.setup.
_OURS = frozenset({"agent", "gates", "setup"})


class Waste(StrEnum):
    """What kind of thing is removed."""

    WORKTREE = "worktree"
    BRANCH = "branch"
    KEPT_WORK = "kept work"
    TRAJECTORY = "trajectory"
    MEASUREMENT = "measurement"
    ENVIRONMENT = "environment"
    HALF_BATCH = "half-made batch"
    OUTPUT = "output of a run"
    TRACK_RUN = "run over a track"


@dataclass(frozen=True)
class Removal:
    """One thing to remove; `size` is in bytes, 0 for a name in git."""

    kind: Waste
    name: str
    why: str
    size: int
    remove: Callable[[], object] = field(repr=False, compare=False)


def removals(
    repository: Repository,
    base: str | None,
    keep_days: float,
    now: float | None = None,
    in_use: Path | None = None,
) -> list[Removal]:
    """Return what can go. Only for whoever holds the run lock.

    `base` is the commit into which work is merged; None when that cannot be told, and nothing counts as merged.
    `in_use` is the environment that the next batch finds.
    """
    oldest = (time.time() if now is None else now) - keep_days * DAY_S
    state_folder = repository.root / ".nightwork"
    known = batches(repository.root)
    holders = {name: batch for batch in known for name in batch.state().items}
    tickets = {name: _Ticket(name, batch, repository, base) for name, batch in holders.items()}
    return [
        *_worktrees(state_folder / "worktrees", tickets, repository),
        *(removal for ticket in tickets.values() if ticket.why_over for removal in _refs(ticket, repository)),
        *(removal for batch in known for removal in _trajectories(batch, oldest)),
        *_old(state_folder / "measurements", Waste.MEASUREMENT, oldest),
        *(old for old in _old(state_folder / "environments", Waste.ENVIRONMENT, oldest) if not _is_of(old, in_use)),
        *_half_batches(state_folder / "batches"),
        *_outputs(state_folder / "runs", oldest),
        *_track_runs(repository.root, oldest),
    ]


class _Ticket:
    """A ticket as the newest batch that admitted it knows it."""

    def __init__(self, name: str, batch: Batch, repository: Repository, base: str | None) -> None:
        self.name = name
        self.outcome = batch.state().items[name]
        self.change = batch.change(name, self.outcome.attempt)
        self.why_over = self._why_over(batch, repository, base)

    def _why_over(self, batch: Batch, repository: Repository, base: str | None) -> str | None:
        """Say why nothing more can come of the ticket's branch; None while something can."""
        decision = batch.decisions.verdict_on(self.name, self.outcome.attempt)
        if self.change is None or decision is None or not self.outcome.has_landed():
            return None
        if decision.kind is Kind.REJECT:
            return "rejected"
        is_merged = base is not None and repository.is_ancestor(self.change.commit, base)
        return "merged" if decision.kind is Kind.APPROVE and is_merged else None


def _rests(outcome: Outcome) -> bool:
    """Say whether no agent will go on in the ticket's worktree."""
    return outcome.has_landed() or outcome.status is Status.FAILED


def _worktrees(folder: Path, tickets: dict[str, _Ticket], repository: Repository) -> Iterator[Removal]:
    for worktree in sorted(folder.glob("*/*")) if folder.is_dir() else ():
        place = worktree.parent
        if not place.is_symlink() and worktree.name in _OURS and repository.is_our_worktree(worktree):
            ticket, is_agents = tickets.get(place.name), worktree.name == "agent"
            if is_agents and ticket and not _rests(ticket.outcome):
                continue
            why = "nobody works in it" if is_agents else "what ran in it has ended"
            name = f"{place.name}/{worktree.name}"
            yield Removal(Waste.WORKTREE, name, why, _size(worktree), partial(repository.remove_worktree, worktree))


def _refs(ticket: _Ticket, repository: Repository) -> Iterator[Removal]:
    branch, why = BRANCH_PREFIX + ticket.name, str(ticket.why_over)
    is_ours = ticket.change is not None and repository.branch_head(branch) == ticket.change.commit
    if is_ours and branch not in repository.checked_out():
        yield Removal(Waste.BRANCH, branch, why, 0, partial(repository.delete_ref, f"refs/heads/{branch}"))
    for ref in repository.refs(WIP_PREFIX + ticket.name, f"{OLD_WIP_PREFIX}{ticket.name}/"):
        yield Removal(Waste.KEPT_WORK, ref, why, 0, partial(repository.delete_ref, ref))


def _trajectories(batch: Batch, oldest: float) -> Iterator[Removal]:
    if batch.manifest().created_at.timestamp() > oldest:
        return
    for name, outcome in batch.state().items.items():
        decided = batch.decisions.verdict_on(name, outcome.attempt) is not None
        if decided or outcome.reason is Reason.CARRIED_OVER:
            for path in sorted(batch.ticket_folder(name).glob("attempt-*/trajectory.jsonl")):
                told = f"{batch.id}/{name}/{path.parent.name}"
                yield Removal(Waste.TRAJECTORY, told, "old, and settled", path.stat().st_size, path.unlink)


def _track_runs(root: Path, oldest: float) -> Iterator[Removal]:
    """Yield the old conversations of runs over tracks that no checkpoint names; raises StateError for a corrupt one."""
    states = (load_checkpoint(path) for path in (root / ".checkpoints").glob("*.json"))
    kept = {state.run_id for state in states if state} | {"report.md"}
    for folder in sorted((root / ".nightwork" / "tracks").glob("*")):
        found = _old(folder, Waste.TRACK_RUN, oldest, "old, and no checkpoint names it")
        yield from (old for old in found if old.name not in kept)


def _old(folder: Path, kind: Waste, oldest: float, why: str = "old; made anew when needed") -> Iterator[Removal]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.lstat().st_mtime <= oldest:
            yield Removal(kind, path.name, why, _size(path), partial(_remove, path))


def _is_of(removal: Removal, environment: Path | None) -> bool:
    """Say whether it is an environment, or the note beside it."""
    return environment is not None and removal.name.partition(".")[0] == environment.name


def _half_batches(folder: Path) -> Iterator[Removal]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink() and Batch(folder.parents[1], path.name).is_half_made():
            why = "its intake did not come to an end"
            yield Removal(Waste.HALF_BATCH, path.name, why, _size(path), partial(_remove, path))


def _outputs(folder: Path, oldest: float) -> Iterator[Removal]:
    for path in sorted(folder.glob("*.output")) if folder.is_dir() else ():
        note = path.with_suffix(".pid")
        if path.lstat().st_mtime <= oldest and living(note) is None:
            remove = partial(_remove_all, (path, note))
            yield Removal(Waste.OUTPUT, path.stem, "old, and its run has ended", _size(path), remove)


def _remove_all(paths: Iterable[Path]) -> None:
    for path in paths:
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    found = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(each.lstat().st_size for each in found)
