"""What one spec is about, and where it is written: a path of the project becomes one path below `specs/`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from nightwork.module_spec.project import Unit

SPECS, LOGS = "specs", "drift-logs"
INDEX = "_index.spec.md"
SUFFIX = ".spec.md"
Granularity = Literal["auto", "file", "package"]
# Above so many files a spec of each is more than anybody reads.
MOST_FILES = 300
# Bytes of a file's name that every file system takes.
_LONGEST_NAME = 255


def units_of(files: Iterable[str], granularity: Granularity = "auto") -> dict[str, Unit]:
    """Return the units of some files by their paths, sorted; a package unit holds the files directly in its folder."""
    files = sorted(files)
    if granularity == "file" or (granularity == "auto" and len(files) <= MOST_FILES):
        return {path: Unit(path, (path,)) for path in files}
    folders: dict[str, list[str]] = {}
    for path in files:
        folders.setdefault(path.rpartition("/")[0] or ".", []).append(path)
    return {folder: Unit(folder, tuple(folders[folder])) for folder in sorted(folders)}


def spec_path(unit: Unit) -> str:
    """Return where a unit's spec stands, relative to the folder of specs; no two units have the same place.

    A file's is beside where the file would be, a package's is `_package.spec.md` in its folder.
    """
    folder, _, name = unit.path.rpartition("/")
    if unit.is_package:
        folder, name = ("" if unit.path == "." else unit.path), "_package"
    return "/".join(filter(None, [folder, _short(name) + SUFFIX]))


def _short(name: str) -> str:
    """Return a name that leaves room for the suffix; what is cut off is told by its digest."""
    room = _LONGEST_NAME - len(SUFFIX)
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) <= room:
        return name
    digest = hashlib.blake2b(encoded, digest_size=8).hexdigest()
    return encoded[: room - len(digest) - 1].decode("utf-8", "ignore") + "~" + digest
