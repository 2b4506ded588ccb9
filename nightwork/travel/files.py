"""The files of a batch's folder: which of them travel, what they hold, and what tells that none has changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nightwork.errors import StateError
from nightwork.workspace.stored import PLAIN, Stored

MOST_FILES = 100_000
MOST_BYTES = 100_000_000  # of one file; several hosts take no larger one
MOST_BYTES_TOGETHER = 1_000_000_000
_DEEPEST = 12
_LONGEST = 255

# What names programs to run is read anew where the batch goes on, and locks hold on one machine only.
SETTINGS = "settings.json"
_STAYS = re.compile(r"settings\.json|.*\.lock|.*/\.nightwork-[^/]*\.tmp|\.nightwork-[^/]*\.tmp")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")


def travelling(folder: Path, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files that travel, by their path in the batch's folder, in a fixed order; links are left out."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder / below) as found:
        for entry in sorted(found, key=lambda entry: entry.name):
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from travelling(folder, path)
            elif entry.is_file(follow_symlinks=False) and not _STAYS.fullmatch(path):
                with contextlib.suppress(FileNotFoundError):
                    yield path, entry.stat(follow_symlinks=False)


def mark(folder: Path, below: str = "") -> str:
    """Return what differs as soon as a file of the folder does: made of names, sizes and times."""
    told = hashlib.sha256()
    for path, about in travelling(folder, below):
        told.update(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0{about.st_ino}\0".encode("utf-8", "replace"))
    return told.hexdigest()


def content(path: Path) -> bytes:
    """Read a file that travels; of a log only what is whole. Raises StateError when it is too large to travel."""
    if path.stat().st_size > MOST_BYTES:
        raise StateError(path, f"is larger than {MOST_BYTES:,} bytes and cannot travel", "make it shorter, then resume")
    data = path.read_bytes()
    return data[: data.rfind(b"\n") + 1] if path.suffix == ".jsonl" else data


def refuse_unsafe(entries: Sequence[Stored], whose: str) -> None:
    """Raise StateError unless a tree from a remote holds nothing but plain files that may stand in a batch's folder."""
    seen: dict[str, tuple[str, bool]] = {}
    for entry in entries:
        parts = entry.path.split("/")
        if entry.kind != PLAIN or entry.size is None:
            raise _refused(whose, f"{entry.path!r} is no plain file")
        if not _is_safe(entry.path, parts) or _STAYS.fullmatch(entry.path):
            raise _refused(whose, f"{entry.path!r} is no name of a file of a batch")
        for depth in range(1, len(parts) + 1):
            name, is_file = "/".join(parts[:depth]), depth == len(parts)
            key = unicodedata.normalize("NFC", name).casefold()  # some file systems see no difference
            if (is_file and key in seen) or seen.setdefault(key, (name, is_file)) != (name, is_file):
                raise _refused(whose, f"{entry.path!r} is there twice")
        if entry.size > MOST_BYTES:
            raise _refused(whose, f"{entry.path!r} has {entry.size:,} bytes, over {MOST_BYTES:,}")
    if len(entries) > MOST_FILES or sum(entry.size or 0 for entry in entries) > MOST_BYTES_TOGETHER:
        raise _refused(whose, f"is larger than {MOST_FILES:,} files or {MOST_BYTES_TOGETHER:,} bytes")


def _is_safe(path: str, parts: Sequence[str]) -> bool:
    names = all(part.strip(". ") and part.casefold() != ".git" and len(part.encode()) <= _LONGEST for part in parts)
    return not _UNSAFE.search(path) and names and len(parts) <= _DEEPEST


def _refused(whose: str, problem: str) -> StateError:
    return StateError(whose, problem, "it was not taken over; look at who may push there")


def write_new(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder that nobody else knows yet."""
    for path, data in contents.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
