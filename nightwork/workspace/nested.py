"""Repositories within a worktree, made there by an agent: their files belong to the work, their `.git` does not.

Git looks into them by a process of its own, which runs what their configuration names; it keeps of them no more than
the id of a commit that nobody else has, and gives up at one without a commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nightwork import beneath
from nightwork.errors import Tampered
from nightwork.workspace.git import Git


def add_all(git: Git, worktree: Path, env: Mapping[str, str]) -> None:
    """Add to the index what stands in a worktree, whatever an agent has put there."""
    _dissolve(git, worktree, env)
    code, _, said = git.status("add", "--all", "--sparse", "--", ".", env=env)
    if code or said:  # git gives up at a pipe that stands where a file was, and passes over a folder closed to it
        beneath.remove_special(worktree)
        _dissolve(git, worktree, env)
        git("add", "--all", "--sparse", "--", ".", env=env)


def _dissolve(git: Git, worktree: Path, env: Mapping[str, str]) -> None:
    """Make plain folders of all repositories within a worktree but those that are ignored.

    Raises Tampered for one that cannot be removed.
    """
    known: set[str] = set()
    while found := {path for path in _found(git, env) if path not in known}:
        known |= found
        for path in found:
            _remove(worktree, Path(path))


def _found(git: Git, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the places of submodules, and the folders that git would not look into."""
    for entry in git("ls-files", "--stage", "--others", "--exclude-standard", "-z", env=env).split("\0"):
        about, _, path = entry.partition("\t")
        if about.startswith("160000 "):
            yield path
        elif entry.endswith("/"):
            yield entry


def _remove(worktree: Path, place: Path) -> None:
    try:
        try:
            beneath.remove(worktree, place / ".git")
        except PermissionError:
            beneath.remove_special(worktree)
            beneath.remove(worktree, place / ".git")
    except (FileNotFoundError, NotADirectoryError):
        return  # not checked out, or a link or a file stands there
    except OSError as error:
        raise Tampered(worktree.parent.name, f"the repository within, {str(place)!r}, cannot be removed") from error
