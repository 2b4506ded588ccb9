"""The file by which a worktree is linked to its repository; whoever may write to the worktree could swap it."""

from __future__ import annotations

from pathlib import Path

from nightwork.errors import Tampered


def admin_folder(worktree: Path) -> Path:
    """Return git's own folder of a worktree."""
    return worktree / (worktree / ".git").read_text(encoding="utf-8").removeprefix("gitdir:").strip()


def refuse_swapped(worktree: Path, common: Path) -> None:
    """Raise Tampered unless a worktree is linked to its own folder in the repository whose git folder is `common`.

    The configuration of another folder could name programs that git runs.
    """
    own = worktree / ".git"
    try:
        is_ours = own.is_file() and not own.is_symlink() and _points_back(admin_folder(worktree), own, common)
    except (OSError, ValueError, RuntimeError):
        is_ours = False
    if not is_ours:
        raise Tampered(worktree.parent.name, "the worktree's .git is not the one that was made")


def _points_back(admin: Path, own: Path, common: Path) -> bool:
    there = Path((admin / "gitdir").read_text(encoding="utf-8").strip())
    return admin.resolve().parent == (common / "worktrees").resolve() and there.resolve() == own.resolve()
