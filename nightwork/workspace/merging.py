"""Merges in memory, as many as wanted in one git process; nothing is checked out and no ref moves."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from nightwork.errors import GitError
from nightwork.workspace.git import Git, shown

# Git 2.39 fails an assertion over a folder that one side renames and the other makes a file: all other pairs are lost.
_CRASHES = {-signal.SIGABRT, -signal.SIGSEGV}
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class Merge:
    """The merge of two commits in memory: its tree, and the files in conflict.

    Git knows conflicts that name no file, so `is_clean` decides; `tree` is empty when git could not make one.
    """

    tree: str
    is_clean: bool
    conflicts: tuple[str, ...] = ()


def merge_all(git: Git, pairs: Sequence[tuple[str, str]]) -> list[Merge]:
    """Merge each pair of commits (full hashes; a ValueError otherwise), in the order given.

    Histories without a common commit are merged as well, since git would give up all other pairs at the first of them.
    A pair over which git crashes is not clean.
    """
    for commit in {commit for pair in pairs for commit in pair}:
        if not _COMMIT.fullmatch(commit):
            raise ValueError(f"{commit!r} is no full commit hash")
    return _merge_all(git, pairs) if pairs else []


def _merge_all(git: Git, pairs: Sequence[tuple[str, str]]) -> list[Merge]:
    options = ("--write-tree", "--stdin", "--name-only", "--no-messages", "-z", "--allow-unrelated-histories")
    code, out, said = git.status("merge-tree", *options, stdin="".join(f"{a} {b}\n" for a, b in pairs))
    if code in _CRASHES:
        half = len(pairs) // 2
        return [*_merge_all(git, pairs[:half]), *_merge_all(git, pairs[half:])] if half else [Merge("", False)]
    merges = list(_parse(out)) if code == 0 else []
    if len(merges) != len(pairs):
        raise GitError(f"git merge-tree --stdin of {len(pairs)} pairs, git 2.39 or newer", code, said)
    return merges


def _parse(out: str) -> Iterator[Merge]:
    """Read `STATUS NUL TREE NUL (FILE NUL)* NUL` for each merge; the status of a clean one is 1."""
    parts = iter(out.split("\0"))
    for status in takewhile(bool, parts):
        tree = next(parts)
        yield Merge(tree, status == "1", tuple(shown(path) for path in takewhile(bool, parts)))
