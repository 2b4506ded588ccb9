"""What differs between two trees as git keeps it: modes and contents by their ids, no renames guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nightwork.workspace.git import Git, shown

LINK, SUBMODULE, EXECUTABLE = "120000", "160000", "100755"


@dataclass(frozen=True)
class TreeEntry:
    """One path of two trees that differ there; mode and blob are None on the side where nothing stands.

    `path` is as git has it, to be given back to git; `name` is for people and for JSON.
    """

    path: str
    old_mode: str | None
    new_mode: str | None
    old_blob: str | None
    new_blob: str | None

    @property
    def name(self) -> str:
        """The path as it can be shown."""
        return shown(self.path)

    @property
    def is_file(self) -> bool:
        """Whether a file stands there afterwards, not a link, a submodule or nothing."""
        return self.new_mode not in {None, LINK, SUBMODULE}


def tree_entries(git: Git, old: str, new: str) -> list[TreeEntry]:
    """Return every path at which two trees differ, sorted."""
    options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
    parts = git("diff-tree", *options, old, new, "--").split("\0")
    found = [_entry(about, path) for about, path in zip(parts[::2], parts[1::2], strict=False)]
    return sorted(found, key=lambda entry: entry.path)


def _entry(about: str, path: str) -> TreeEntry:
    old_mode, new_mode, old_blob, new_blob, _ = about.removeprefix(":").split()
    return TreeEntry(
        path,
        old_mode=old_mode if int(old_mode) else None,
        new_mode=new_mode if int(new_mode) else None,
        old_blob=old_blob if int(old_mode) else None,
        new_blob=new_blob if int(new_mode) else None,
    )


def blob_sizes(git: Git, blobs: Iterable[str]) -> dict[str, int]:
    """Return the bytes of each content, by id."""
    wanted = list(dict.fromkeys(blobs))
    if not wanted:
        return {}
    told = git("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin="\n".join(wanted) + "\n").splitlines()
    pairs = (line.split() for line in told)
    return {pair[0]: int(pair[1]) for pair in pairs if pair[1].isdecimal()}
