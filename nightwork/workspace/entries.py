"""What differs between two trees as git keeps it: modes and contents by their ids, no renames guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nightwork.workspace.git import Git, shown

MOST_BYTES = 50_000_000  # that one git process is asked for

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


def read_blobs(git: Git, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Return contents by id, given their bytes, in as few git processes as their size allows."""
    found: dict[str, bytes] = {}
    for wanted in _chunks(sizes):
        told = git.status("cat-file", "--batch", stdin="\n".join(wanted) + "\n")[1].encode("utf-8", "surrogateescape")
        at = 0
        for blob in wanted:
            start = told.index(b"\n", at) + 1
            found[blob] = told[start : start + sizes[blob]]
            at = start + sizes[blob] + 1
    return found


def _chunks(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    chunk: list[str] = []
    room = MOST_BYTES
    for blob, size in sizes.items():
        if chunk and size > room:
            yield chunk
            chunk, room = [], MOST_BYTES
        chunk.append(blob)
        room -= size
    if chunk:
        yield chunk
