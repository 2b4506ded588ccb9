"""Git as a batch needs it: worktrees for agents and gates, one commit per attempt, differences, merges in memory.

The user's checkout is never touched: no branch is checked out or moved but `agent/*`, and neither index, working files,
configuration nor hooks are read for writing. This package alone runs git.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from nightwork.change import ChangedFile, LineChanges
from nightwork.errors import bad_input
from nightwork.workspace import entries, lines, stored, worktrees
from nightwork.workspace.entries import TreeEntry
from nightwork.workspace.git import Git
from nightwork.workspace.merging import Merge, merge_all
from nightwork.workspace.stored import Stored

BRANCH_PREFIX = "agent/"
WIP_PREFIX = "refs/nightwork/wip/"
OLD_WIP_PREFIX = "refs/nightwork/old/"


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
        top = cls.top(folder)
        if top is None:
            raise bad_input(folder, "not in a git repository; run `git init` and commit, or name another with --repo")
        repository = cls(top)
        repository.resolve("HEAD")
        return repository

    @staticmethod
    def top(folder: Path) -> Path | None:
        """Return the top of the working tree around a folder, with or without a commit; None when there is none."""
        code, top, _ = Git(folder).status("rev-parse", "--show-toplevel")
        return None if code else Path(top.removesuffix("\n"))

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
        return not path.is_symlink() and path.is_dir() and worktrees.is_whole(path)

    def add_worktree(self, path: Path, commit: str, kept: str | None = None) -> bool:
        """Check `commit` out at `path`, detached; a whole worktree there is kept, and one half made is made anew.

        The files of `kept` stand in the place of the commit's, when it is given. Returns whether it was made.
        """
        return worktrees.add(self.git, path, commit, kept)

    def remove_worktree(self, path: Path) -> None:
        """Remove a worktree with everything in it; none is fine."""
        worktrees.remove(self.git, path)

    def snapshot(self, worktree: Path) -> str:
        """Return the tree hash of a worktree as it is, new files included and ignored ones left out.

        Raises Tampered when its link to git was swapped: another folder's configuration could name programs to run.
        """
        return worktrees.snapshot(self.git, worktree)

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
        return lines.changed_files(self.git, old, new)

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
        worktrees.restore(self.git.at(worktree), worktree, commit, paths)
