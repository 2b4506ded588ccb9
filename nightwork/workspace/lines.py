"""What git tells of a difference: changed files with renames found, changed lines, and new files that are copies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from nightwork.change import ChangedFile, LineChanges
from nightwork.workspace.git import Git, shown

FILES_A_CALL = 500
MOST_BYTES = 100_000_000
# Above the square of this many pairs git does not look for copies; a pair takes it some microseconds.
MOST_SOURCES = 500

# `--text`: neither an attribute nor a NUL byte keeps a file from being looked at.
_PATCH = ("--patch", "--unified=0", "--text", "--no-color", "--submodule=short")
_PLAIN = ("--no-ext-diff", "--no-textconv")
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def changed_files(git: Git, old: str, new: str) -> list[ChangedFile]:
    """Return what differs between two commits, renames found, sorted by path."""
    options = ("--raw", "--numstat", "-z", "-M", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
    parts = iter(git("diff", *options, old, new, "--").split("\0"))
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
    found = (_changed(*each, *lines.get(each[2], (None, None))) for each in statuses)
    return sorted(found, key=lambda change: change.path)


def line_changes(git: Git, old: str, new: str, files: Sequence[ChangedFile], limit: int) -> dict[str, LineChanges]:
    """Return the lines that differ, by path; files of more than `limit` bytes are left out.

    So is what comes after the first `MOST_BYTES` of all files.
    """
    found: dict[str, LineChanges] = {}
    room = MOST_BYTES
    for start in range(0, len(files), FILES_A_CALL):
        chunk = files[start : start + FILES_A_CALL]
        sizes = _sizes(git, old, chunk) + _sizes(git, new, chunk)
        large = {path for path, size in sizes if size > limit}
        paths = [path for file in chunk if not large.intersection(_paths(file)) for path in _paths(file)]
        room -= sum(size for path, size in sizes if path not in large)
        if paths and room >= 0:
            found |= _differing(git, old, new, paths)
    return found


def copies(git: Git, old: str, new: str) -> dict[str, str]:
    """Return the new files that are nearly the same as one that was there before, with that one."""
    options = ("-C90%", "--find-copies-harder", f"-l{MOST_SOURCES}", "--diff-filter=C")
    return {path: source for status, path, source in _names(git, old, new, options, ()) if status[0] == "C"}


def _differing(git: Git, old: str, new: str, paths: Sequence[str]) -> dict[str, LineChanges]:
    sections = _sections(git("diff", *_PATCH, "-M", *_PLAIN, old, new, "--", *paths))
    found: dict[str, LineChanges] = {}
    for status, path, _ in _names(git, old, new, ("-M",), paths):
        parts = [next(sections, []) for _ in range(2 if status[0] == "T" else 1)]  # a new kind of file: out, then in
        found[path] = _read(line for part in parts for line in part)
    return found


def _names(
    git: Git, old: str, new: str, options: Sequence[str], paths: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield (status, path, earlier path) in the order of a patch of the same options."""
    parts = iter(git("diff", "--name-status", "-z", *options, *_PLAIN, old, new, "--", *paths).split("\0"))
    for status in parts:
        if status:
            earlier = next(parts)
            yield status, next(parts) if status[0] in "RC" else earlier, earlier


def _sizes(git: Git, commit: str, files: Sequence[ChangedFile]) -> list[tuple[str, int]]:
    paths = [path for file in files for path in _paths(file)]
    entries = git("ls-tree", "-z", "--long", commit, "--", *paths).split("\0")
    pairs = [entry.partition("\t") for entry in entries if entry]
    return [(path, int(size)) for about, _, path in pairs if (size := about.split()[-1]).isdecimal()]


def _paths(file: ChangedFile) -> tuple[str, ...]:
    return (file.path, file.old_path) if file.old_path else (file.path,)


def _sections(patch: str) -> Iterator[list[str]]:
    section: list[str] = []
    for line in patch.split("\n"):
        if line.startswith("diff --git "):
            if section:
                yield section
            section = []
        section.append(line)
    yield section


def _read(section: Iterable[str]) -> LineChanges:
    added: list[tuple[int, str]] = []
    removed: list[str] = []
    number: int | None = None
    for line in section:
        if line.startswith("diff --git "):
            number = None
        elif match := _HUNK.match(line):
            number = int(match[1])
        elif number is not None and line.startswith("+"):
            added.append((number, line[1:]))
            number += 1
        elif number is not None and line.startswith("-"):
            removed.append(line[1:])
    return LineChanges(tuple(added), tuple(removed))


def _changed(status: str, old: str | None, path: str, added: int | None, deleted: int | None) -> ChangedFile:
    before = shown(old) if old else None
    return ChangedFile(path=shown(path), status=status, added=added, deleted=deleted, old_path=before)
