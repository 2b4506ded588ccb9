"""Worktrees: made whole or not at all, removed with what git knows of them, and looked at as they are."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from nightwork.files import remove_tree
from nightwork.workspace.git import Git
from nightwork.workspace.linked import admin_folder, refuse_swapped
from nightwork.workspace.nested import add_all

# Marks, in git's own folder of a worktree, that its checkout came to its end.
_WHOLE = "nightwork-whole"
# `git worktree add` and `prune` of one repository get in each other's way.
_lock = threading.Lock()


def is_whole(worktree: Path) -> bool:
    """Say whether a worktree came to the end of its checkout."""
    return (worktree / ".git").is_file() and admin_folder(worktree).joinpath(_WHOLE).exists()


def add(git: Git, path: Path, commit: str, kept: str | None) -> bool:
    """Check `commit` out at `path`, with the files of `kept` if given; returns False when a whole one stands there."""
    if is_whole(path):
        return False
    with _lock:
        _remove(git, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        git("worktree", "add", "--quiet", "--detach", "--force", str(path), commit)
    if kept:
        git.at(path)("read-tree", "--reset", "-u", kept)
    admin_folder(path).joinpath(_WHOLE).touch()
    return True


def remove(git: Git, path: Path) -> None:
    """Remove a worktree with everything in it; none is fine."""
    with _lock:
        _remove(git, path)


def _remove(git: Git, path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)
    _forget(git, path)


def _forget(git: Git, path: Path) -> None:
    """Drop what git still knows of a worktree that is gone; those of the user may only be out of reach."""
    for pointer in (_common_folder(git) / "worktrees").glob("*/gitdir"):
        with contextlib.suppress(FileNotFoundError):
            if Path(pointer.read_text(encoding="utf-8").strip()) == path / ".git":
                shutil.rmtree(pointer.parent, ignore_errors=True)


def _common_folder(git: Git) -> Path:
    own = git.folder / ".git"
    if own.is_dir() and not (own / "commondir").exists():
        return own
    return Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))


def snapshot(git: Git, worktree: Path) -> str:
    """Return the tree hash of a worktree as it is; raises Tampered when its link to git was swapped."""
    if worktree != git.folder:
        refuse_swapped(worktree, _common_folder(git))
    with tempfile.TemporaryDirectory() as folder:
        there, env = git.at(worktree), {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        is_linked = (worktree / ".git").is_file()
        own = admin_folder(worktree) if is_linked else Path(there("rev-parse", "--absolute-git-dir"))
        with contextlib.suppress(FileNotFoundError):
            # With its time: git looks inside a file only when the index is not newer than the file's last change.
            shutil.copy2(own / "index", env["GIT_INDEX_FILE"])
        add_all(there, worktree, env)
        return there("write-tree", env=env)


def restore(git: Git, worktree: Path, commit: str, paths: Sequence[str]) -> None:
    """Make `paths` in the worktree in which `git` runs as they are in `commit`; no link on the way is followed."""
    known = set(git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")) if paths else set()
    folders = {str(folder) for path in known for folder in Path(path).parents}
    for path in paths:
        for folder in [*reversed(Path(path).parents), Path(path)][1:]:
            if (worktree / folder).is_symlink():
                (worktree / folder).unlink()
        if path not in known:
            _delete(worktree / path)
    if present := [path for path in paths if path in known or path.rstrip("/") in folders]:
        named = ("--pathspec-from-file=-", "--pathspec-file-nul")  # more than a command line holds
        git("checkout", "--quiet", *named, commit, stdin="\0".join(present))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
