"""What one spec is about: a file, or a package of a project that is larger."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from nightwork.module_spec.source.project import Unit

SPECS, LOGS = "specs", "drift-logs"
Granularity = Literal["auto", "file", "package"]
# Above so many files a spec of each is more than anybody reads.
MOST_FILES = 300


def units_of(files: Iterable[str], granularity: Granularity = "auto") -> dict[str, Unit]:
    """Return the units of some files by their paths, sorted; a package unit holds the files directly in its folder."""
    files = sorted(files)
    if granularity == "file" or (granularity == "auto" and len(files) <= MOST_FILES):
        return {path: Unit(path, (path,)) for path in files}
    folders: dict[str, list[str]] = {}
    for path in files:
        folders.setdefault(path.rpartition("/")[0] or ".", []).append(path)
    return {folder: Unit(folder, tuple(folders[folder])) for folder in sorted(folders)}
