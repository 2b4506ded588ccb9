"""Files kept in git without a checkout: a tree made of contents, and what a tree of unknown origin holds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nightwork.workspace.git import Git

PLAIN = "100644"


@dataclass(frozen=True)
class Stored:
    """One entry of a tree: `kind` is git's mode, `size` is None for what is no file."""

    path: str
    kind: str
    blob: str
    size: int | None


def store(git: Git, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Keep contents as objects, none of them changed; returns their ids under the same names."""
    if not contents:
        return {}
    with tempfile.TemporaryDirectory(prefix="nightwork-store-") as folder:
        paths = [Path(folder, str(number)) for number in range(len(contents))]
        for path, content in zip(paths, contents.values(), strict=True):
            path.write_bytes(content)
        told = git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin="".join(f"{path}\n" for path in paths))
    return dict(zip(contents, told.split(), strict=True))


def make_tree(git: Git, blobs: Mapping[str, str]) -> str:
    """Return the tree of plain files that has these contents, by path."""
    entries = "".join(f"{PLAIN} {blob}\t{path}\0" for path, blob in blobs.items())
    with tempfile.TemporaryDirectory(prefix="nightwork-store-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git("update-index", "-z", "--index-info", stdin=entries, env=env)
        return git("write-tree", env=env)


def stored(git: Git, tree: str) -> list[Stored]:
    """Return everything below a tree, folders left out."""
    found = []
    for entry in git("ls-tree", "-r", "-z", "--long", "--full-tree", tree).split("\0"):
        about, _, path = entry.partition("\t")
        if path:
            kind, _, blob, size = about.split()
            found.append(Stored(path, kind, blob, int(size) if size.isdecimal() else None))
    return found
