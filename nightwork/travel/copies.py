"""The working copy of a remote repository: made whole or not at all, and brought up to date before each use.

Nobody works in it but nightwork: it stands where the remote's default branch does, whatever was changed in it.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import uuid
from pathlib import Path

from nightwork.errors import Infrastructure, bad_input
from nightwork.files import files_below, remove_tree
from nightwork.travel.names import AGENTS, BATCHES, BATCHES_SEEN, BRANCHES_SEEN
from nightwork.workspace import Repository
from nightwork.workspace.git import Git
from nightwork.workspace.remote import Access, Remote

_HEADS = "refs/heads/"
_REFSPECS = (f"+{_HEADS}*:{BRANCHES_SEEN}*", "+refs/tags/*:refs/tags/*", f"+{BATCHES}*:{BATCHES_SEEN}*")
_KEPT = {"gc.auto": "6700", "gc.autoDetach": "false"}


def ensure_copy(root: Path, access: Access) -> None:
    """See to a working copy at `root`; one that is there is left as it is.

    Raises BadInput when the remote cannot be used or holds no commit, Infrastructure when it cannot be reached.
    """
    if (root / ".git").is_dir():
        return
    root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    making = root.with_name(f".{root.name}-{uuid.uuid4().hex}.making")
    making.mkdir()
    try:
        git = Git(making)
        git("init", "--quiet", "--template=", "--initial-branch=nightwork-unborn")
        git("config", "nightwork.source", access.url)
        git("config", "nightwork.copy", uuid.uuid4().hex)
        bring_up_to_date(making, access)
        with contextlib.suppress(OSError):  # another process was as fast: its copy is as good
            making.rename(root)
    finally:
        remove_tree(making)
    _remove_leftovers(root)


def _remove_leftovers(root: Path) -> None:
    """Remove what kills have left of copies in the making; another process may be making one just now."""
    for path in root.parent.glob(f".{root.name}-*.making"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < root.stat().st_mtime - _LONG_S:
                shutil.rmtree(path, ignore_errors=True)


_LONG_S = 86_400.0


def bring_up_to_date(root: Path, access: Access) -> None:
    """Fetch everything, and check the remote's default branch out; only for whoever holds the copy's lock.

    Branches of tickets stay as they are here; what the remote holds of them and of batches is seen under names of its
    own.
    """
    _remove_locks(root)
    repository, remote = Repository(root), Remote(root, access)
    branch, head = remote.head()
    if head is None:
        raise bad_input(access.url, "has no commit on its default branch; push one, or set the default branch")
    remote.fetch(*_REFSPECS, prune=True)
    _take_branches(repository)
    commit = head if branch is None else repository.targets(BRANCHES_SEEN + branch).get(BRANCHES_SEEN + branch)
    if commit is None or not repository.has_commit(commit):
        raise Infrastructure(access.url, "its default branch was moved meanwhile; try again")
    if any(entry.casefold() == ".nightwork" for entry in repository.top_names(commit)):
        raise bad_input(access.url, "holds a `.nightwork` of its own, where state would be kept; remove it there")
    repository.stand_on(None if branch is None else _HEADS + branch, commit)


def _take_branches(repository: Repository) -> None:
    """Let every branch but those of tickets stand where the remote has it."""
    there = {_HEADS + ref.removeprefix(BRANCHES_SEEN): at for ref, at in repository.targets(BRANCHES_SEEN).items()}
    here = repository.targets(_HEADS)
    wanted: dict[str, str | None] = {ref: there.get(ref) for ref in {*there, *here} if not ref.startswith(AGENTS)}
    repository.move_refs({ref: at for ref, at in wanted.items() if here.get(ref) != at})


def _remove_locks(root: Path) -> None:
    """Remove the locks that a killed git has left; nobody else works here."""
    for path in files_below(root / ".git", ".lock"):
        if "objects" not in path.parts[len(root.parts) :]:
            path.unlink(missing_ok=True)


def tidy(root: Path) -> None:
    """Let git pack what has gathered, when it thinks it is time; nothing that could be missed is dropped."""
    Git(root, _KEPT).status("gc", "--auto", "--quiet")


def copy_id(root: Path) -> str:
    """Return the name that a working copy was given when it was made, and no other on any machine has."""
    return f"{Git(root)('config', '--local', '--get', 'nightwork.copy')}@{socket.gethostname()[:60]}"
