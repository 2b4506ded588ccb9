"""Git as a batch needs it: worktrees for agents and gates, one commit per attempt, differences, merges in memory.

The user's checkout is never touched: no branch is checked out or moved but `agent/*`, and neither index, working files,
configuration nor hooks are read for writing. This package alone runs git.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from nightwork.change import ChangedFile, LineChanges
from nightwork.errors import bad_input
from nightwork.files import remove_tree
from nightwork.workspace import entries, lines, stored
from nightwork.workspace.entries import TreeEntry
from nightwork.workspace.git import Git, shown
from nightwork.workspace.linked import admin_folder, refuse_swapped
from nightwork.workspace.merging import Merge, merge_all
from nightwork.workspace.nested import add_all
from nightwork.workspace.stored import Stored

BRANCH_PREFIX = "agent/"
WIP_PREFIX = "refs/nightwork/wip/"
OLD_WIP_PREFIX = "refs/nightwork/old/"

# `git worktree add` and `prune` of one repository get in each other's way.
_worktree_lock = threading.Lock()


class Repository:
    """One git repository; `root` is the top of its main working tree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git = Git(root).without_drivers()

    @classmethod
    def open(cls, folder: Path) -> Repository:
        """Find the repository around `folder`; raises BadInput when there is none, or none with a commit."""
        if not folder.is_dir():
            raise bad_input(folder, "no such folder; name a git repository with --repo")
        code, top, _ = Git(folder).status("rev-parse", "--show-toplevel")
        if code:
            raise bad_input(folder, "not in a git repository; run `git init` and commit, or name another with --repo")
        repository = cls(Path(top.removesuffix("\n")))
        repository.resolve("HEAD")
        return repository

    @classmethod
    def create(cls, folder: Path, message: str) -> Repository:
        """Make a repository of a folder and commit everything in it on the branch `main`."""
        git = Git(folder)
        git("init", "--quiet", "--initial-branch=main")
        git("add", "--all")
        git("commit", "--quiet", "--message", message)
        return cls(folder)

    def identity(self) -> str:
        """Return what tells this folder from all others of all machines, and is the same for clones that are one.

        It is the source that the configuration `nightwork.source` names, with the folder's place in it; else this
        machine's name and the folder.
        """
        code, source, _ = self.git.status("config", "--get", "nightwork.source")
        if code or not source.strip():
            return f"{socket.gethostname()}:{self.root.resolve()}"
        below = self.git("rev-parse", "--show-prefix").rstrip("/")
        return f"{source.strip()}#{below}" if below else source.strip()

    def version(self) -> str:
        """Return git's version, as git tells it."""
        return self.git("version")

    def resolve(self, ref: str) -> str:
        """Return the commit that `ref` names; raises BadInput for an unknown one."""
        code, commit, _ = self.git.status("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if code:
            raise bad_input(f"base {ref!r}", f"no such commit in {self.root.name}; name a branch, tag or commit")
        return commit.strip()

    def tree(self, commit: str) -> str:
        """Return the tree hash of a commit."""
        return self.git("rev-parse", "--verify", f"{commit}^{{tree}}")

    def branch_head(self, branch: str) -> str | None:
        """Return the commit of a branch; None when there is no such branch."""
        code, commit, _ = self.git.status("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        return commit.strip() if code == 0 else None

    def branches(self, prefix: str) -> list[str]:
        """Return the names of the branches that begin with `prefix`."""
        return self.git("for-each-ref", "--format=%(refname:lstrip=2)", f"refs/heads/{prefix}").splitlines()

    def refs(self, *prefixes: str) -> list[str]:
        """Return the full names of the refs that are named so, or lie below a name that ends in a slash."""
        return self.git("for-each-ref", "--format=%(refname)", *prefixes).splitlines()

    def delete_ref(self, ref: str) -> None:
        """Delete a ref of ours: a ticket's branch or kept work; none is fine."""
        if not ref.startswith((f"refs/heads/{BRANCH_PREFIX}", "refs/nightwork/")):
            raise ValueError(f"{ref!r} is not of nightwork")
        self.git("update-ref", "-d", ref)

    def targets(self, *prefixes: str) -> dict[str, str]:
        """Return the refs that are named so, or lie below a name that ends in a slash, with what they point at."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", *prefixes).splitlines()
        return {ref: target for ref, _, target in (line.partition(" ") for line in lines)}

    def move_refs(self, wanted: Mapping[str, str | None]) -> None:
        """Delete refs (None), none is fine, then point the others, all or none. Whose they are is not asked."""
        deleted = "".join(f"delete {ref}\0\0" for ref, target in wanted.items() if target is None)
        updated = "".join(f"update {ref}\0{target}\0\0" for ref, target in wanted.items() if target is not None)
        for batch in filter(None, (deleted, updated)):  # a name must be gone before another takes it for a folder
            self.git("update-ref", "--no-deref", "-z", "--stdin", stdin=batch)

    def has_commit(self, commit: str) -> bool:
        """Say whether a commit is here, whole."""
        return self.git.status("cat-file", "-e", f"{commit}^{{commit}}")[0] == 0

    def message(self, commit: str) -> str:
        """Return the message of a commit."""
        return self.git("show", "--no-patch", "--no-show-signature", "--format=%B", commit)

    def top_names(self, commit: str) -> list[str]:
        """Return the names of what stands at the top of a commit's tree."""
        return [name for name in self.git("ls-tree", "-z", "--name-only", commit).split("\0") if name]

    def stand_on(self, branch: str | None, commit: str) -> None:
        """Check a branch out at a commit (no branch: the commit alone), over whatever is there."""
        if branch is None:
            self.git("update-ref", "--no-deref", "HEAD", commit)
        else:
            self.git("symbolic-ref", "HEAD", branch)
        self.git("reset", "--hard", "--quiet", commit)

    def store(self, contents: Mapping[str, bytes]) -> dict[str, str]:
        """Keep contents as objects; returns their ids under the same names."""
        return stored.store(self.git, contents)

    def make_tree(self, blobs: Mapping[str, str]) -> str:
        """Return the tree of plain files that has these contents, by path."""
        return stored.make_tree(self.git, blobs)

    def stored(self, tree: str) -> list[Stored]:
        """Return everything below a tree, folders left out."""
        return stored.stored(self.git, tree)

    def checked_out(self) -> set[str]:
        """Return the branches that are checked out somewhere, in the user's checkout or in a worktree."""
        told = self.git("worktree", "list", "--porcelain", "-z").split("\0")
        return {line.removeprefix("branch refs/heads/") for line in told if line.startswith("branch refs/heads/")}

    def is_on_a_branch_of_ours(self) -> bool:
        """Say whether the user's checkout stands on a ticket's branch."""
        return self.git.status("symbolic-ref", "--quiet", "HEAD")[1].startswith(f"refs/heads/{BRANCH_PREFIX}")

    def parents(self, commit: str) -> list[str]:
        """Return the parents of a commit."""
        return self.git("rev-list", "--no-walk", "--parents", commit).split()[1:]

    def is_our_worktree(self, path: Path) -> bool:
        """Say whether a whole worktree that `add_worktree` has made stands at `path`."""
        return not path.is_symlink() and path.is_dir() and _is_whole(path)

    def add_worktree(self, path: Path, commit: str, kept: str | None = None) -> bool:
        """Check `commit` out at `path`, detached; a whole worktree there is kept, and one half made is made anew.

        The files of `kept` stand in the place of the commit's, when it is given. Returns whether it was made.
        """
        if _is_whole(path):
            return False
        with _worktree_lock:
            self._remove(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            self.git("worktree", "add", "--quiet", "--detach", "--force", str(path), commit)
        if kept:
            self.git.at(path)("read-tree", "--reset", "-u", kept)
        admin_folder(path).joinpath(_WHOLE).touch()
        return True

    def remove_worktree(self, path: Path) -> None:
        """Remove a worktree with everything in it; none is fine."""
        with _worktree_lock:
            self._remove(path)

    def _remove(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
        self._forget(path)

    def _forget(self, path: Path) -> None:
        """Drop what git still knows of a worktree that is gone; those of the user may only be out of reach."""
        for pointer in (self._common_folder() / "worktrees").glob("*/gitdir"):
            with contextlib.suppress(FileNotFoundError):
                if Path(pointer.read_text(encoding="utf-8").strip()) == path / ".git":
                    shutil.rmtree(pointer.parent, ignore_errors=True)

    def _common_folder(self) -> Path:
        own = self.root / ".git"
        if own.is_dir() and not (own / "commondir").exists():
            return own
        return Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir"))

    def snapshot(self, worktree: Path) -> str:
        """Return the tree hash of a worktree as it is, new files included and ignored ones left out.

        Raises Tampered when its link to git was swapped: another folder's configuration could name programs to run.
        """
        if worktree != self.root:
            refuse_swapped(worktree, self._common_folder())
        with tempfile.TemporaryDirectory() as folder:
            git, env = self.git.at(worktree), {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            own = worktree / ".git"
            index = (
                admin_folder(worktree) if own.is_file() else Path(git("rev-parse", "--absolute-git-dir"))
            ) / "index"
            with contextlib.suppress(FileNotFoundError):
                # With its time: git looks inside a file only when the index is not newer than the file's last change.
                shutil.copy2(index, env["GIT_INDEX_FILE"])
            add_all(git, worktree, env)
            return git("write-tree", env=env)

    def commit(self, tree: str, parents: list[str], message: str, at: datetime) -> str:
        """Make a commit object; the same arguments give the same commit, so that making it twice is harmless."""
        stamp = f"{int(at.timestamp())} +0000"
        arguments = [part for parent in parents for part in ("-p", parent)]
        env = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        return self.git("commit-tree", tree, *arguments, stdin=message, env=env)

    def set_branch(self, branch: str, commit: str) -> None:
        """Point a branch of ours at a commit."""
        if not branch.startswith(BRANCH_PREFIX):
            raise ValueError(f"{branch!r} is not a branch of nightwork")
        self.git("update-ref", f"refs/heads/{branch}", commit)

    def keep_wip(self, ticket: str, tree: str, parent: str, at: datetime) -> str:
        """Keep a tree under refs/nightwork/wip/<ticket>; returns its commit."""
        commit = self.commit(tree, [parent], f"wip({ticket}): not finished\n", at)
        self.git("update-ref", WIP_PREFIX + ticket, commit)
        return commit

    def wip(self, ticket: str, parent: str) -> str | None:
        """Return the commit of a ticket's kept tree; None when none was kept of this start."""
        names = (WIP_PREFIX + ticket, f"{WIP_PREFIX}{ticket}^")
        code, found, _ = self.git.status("rev-parse", "--quiet", "--revs-only", *names)
        commits = found.split()
        return commits[0] if code == 0 and len(commits) == 2 and commits[1] == parent else None

    def retire_wip(self, ticket: str) -> None:
        """Keep the kept tree of a ticket's earlier attempt under a name of its own, a number; none is fine."""
        code, commit, _ = self.git.status("rev-parse", "--verify", "--quiet", WIP_PREFIX + ticket)
        if code == 0:
            taken = {int(ref.rpartition("/")[2]) for ref in self.refs(f"{OLD_WIP_PREFIX}{ticket}/")}
            self.git("update-ref", f"{OLD_WIP_PREFIX}{ticket}/{max(taken, default=0) + 1}", commit.strip())
            self.drop_wip(ticket)

    def drop_wip(self, ticket: str) -> None:
        """Forget the kept tree of a ticket; none is fine."""
        self.git.status("update-ref", "-d", WIP_PREFIX + ticket)

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Say whether `commit` contains `ancestor`."""
        return self.git.status("merge-base", "--is-ancestor", ancestor, commit)[0] == 0

    def merge(self, ours: str, theirs: str) -> Merge:
        """Merge two commits in memory; nothing is checked out."""
        return self.merge_all([(ours, theirs)])[0]

    def merge_all(self, pairs: Sequence[tuple[str, str]]) -> list[Merge]:
        """Merge each pair of commits in memory, all in one git process; returns them in the order given."""
        return merge_all(self.git, pairs)

    def changes(self, old: str, new: str) -> list[ChangedFile]:
        """Return what differs between two commits, renames found, sorted by path."""
        options = ("--raw", "--numstat", "-z", "-M", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
        parts = iter(self.git("diff", *options, old, new, "--").split("\0"))
        statuses: list[tuple[str, str | None, str]] = []
        lines: dict[str, tuple[int | None, int | None]] = {}
        for part in parts:
            if part.startswith(":"):
                status = part.rpartition(" ")[2][0]
                statuses.append((status, next(parts) if status in "RC" else None, next(parts)))
            elif part:
                added, deleted, path = part.split("\t", 2)
                path = path or (next(parts), next(parts))[1]
                lines[path] = (None, None) if added == "-" else (int(added), int(deleted))
        return sorted(
            (_changed(*found, *lines.get(found[2], (None, None))) for found in statuses), key=lambda c: c.path
        )

    def line_changes(self, old: str, new: str, files: Sequence[ChangedFile], limit: int) -> dict[str, LineChanges]:
        """Return the lines that differ in `files`, by path; those of files over `limit` bytes are left out."""
        return lines.line_changes(self.git, old, new, files, limit)

    def entries(self, old: str, new: str) -> list[TreeEntry]:
        """Return every path at which two trees differ, with modes and contents; a rename is two of them."""
        return entries.tree_entries(self.git, old, new)

    def blob_sizes(self, blobs: Sequence[str]) -> dict[str, int]:
        """Return the bytes of each content, by id; what is not there is left out."""
        return entries.blob_sizes(self.git, blobs)

    def read_blobs(self, sizes: Mapping[str, int]) -> dict[str, bytes]:
        """Return contents by id; `sizes` are those that `blob_sizes` tells."""
        return entries.read_blobs(self.git, sizes)

    def blob(self, blob: str) -> bytes:
        """Return a content by its id."""
        return self.git.status("cat-file", "blob", blob)[1].encode("utf-8", "surrogateescape")

    def copies(self, old: str, new: str) -> dict[str, str]:
        """Return the new files that are nearly the same as one of the old commit, with that one.

        Very large changes are not searched.
        """
        return lines.copies(self.git, old, new)

    def blobs(self, commit: str) -> dict[str, str]:
        """Return the files of a commit, each with the id of its content."""
        entries = self.git("ls-tree", "-r", "-z", commit).split("\0")
        pairs = [entry.partition("\t") for entry in entries if entry]
        return {path: about.split()[2] for about, _, path in pairs}

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes as they are in a commit; None when it is not there."""
        code, text, _ = self.git.status("cat-file", "blob", f"{commit}:{path}")
        return text.encode("utf-8", "surrogateescape") if code == 0 else None

    def restore(self, worktree: Path, commit: str, paths: list[str]) -> None:
        """Make `paths` in a worktree as they are in `commit`: written where it has them, deleted where it does not.

        A link on the way to one of them is removed, so that nothing behind it is read or deleted.
        """
        git = self.git.at(worktree)
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


def _changed(status: str, old: str | None, path: str, added: int | None, deleted: int | None) -> ChangedFile:
    before = shown(old) if old else None
    return ChangedFile(path=shown(path), status=status, added=added, deleted=deleted, old_path=before)


# Marks, in git's own folder of a worktree, that its checkout came to its end.
_WHOLE = "nightwork-whole"


def _is_whole(worktree: Path) -> bool:
    return (worktree / ".git").is_file() and admin_folder(worktree).joinpath(_WHOLE).exists()


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
