"""Files that are either whole or not there: atomic replacement, and logs that survive a torn last line."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from nightwork.errors import Infrastructure, StateError


def write_atomically(path: Path, text: str, *, flush: bool = True, check: Callable[[], object] = lambda: None) -> None:
    """Replace `path` by `text` in one step, flushed to disk; a reader sees the old file or the new one.

    Not to flush is for what can be made again: a power cut may lose it. The mode of an existing file stays. `check` is
    called at the last moment; the file is left as it is when it raises.
    """
    temporary = path.parent / f".nightwork-{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        with _opened(temporary) as file:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            file.write(text.encode())
            if flush:
                file.flush()
                os.fsync(file.fileno())
        check()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if flush:
        _sync_folder(path.parent)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")


def make_ignored(folder: Path) -> None:
    """Make a folder that git ignores, itself included."""
    path = folder / ".gitignore"
    if not path.exists():
        write_atomically(path, "*\n")


# Less than this is no room for anything.
_NO_ROOM = 1_000_000


def refuse_full_disk(folder: Path, told: str) -> None:
    """Raise Infrastructure when the disk of a folder is full: what failed there (`told`) says nothing of the work."""
    with contextlib.suppress(FileNotFoundError):
        free = shutil.disk_usage(folder).free
        if free >= _NO_ROOM:
            return
        raise Infrastructure("disk", f"is full at {folder.name}; {told}; make room, then resume")


# Folders on a path that is always short enough for the system.
_DEEP = 10


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it, as far as the system lets, whatever its modes and however deep it is."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():
        folder.chmod(0o700)
        while _open_up(folder):
            pass
        shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: Path) -> bool:
    """Let folders below be entered, and bring up what is too deep to be walked through; says whether something was."""
    is_brought = False
    for place, below, _ in os.walk(folder):
        paths = [Path(place, name) for name in below]
        for path in paths:
            with contextlib.suppress(OSError):
                if not path.is_symlink():
                    path.chmod(0o700)
        if len(Path(place).parts) - len(folder.parts) >= _DEEP:
            below.clear()
            for path in paths:
                with contextlib.suppress(OSError):
                    path.rename(folder / uuid.uuid4().hex)
                    is_brought = True
    return is_brought


def remove_unfinished(folder: Path) -> None:
    """Remove the files in the making that a kill has left below `folder`; only while nobody else writes there."""
    for path in files_below(folder, ".tmp"):
        if path.name.startswith(".nightwork-"):
            path.unlink(missing_ok=True)


def files_below(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield what is no folder below one and whose name ends so, in no order; no link is followed, none is too deep."""
    pending = [folder]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif entry.name.endswith(suffix):
                    yield Path(entry.path)


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line and flush it to disk; a torn line left by a kill is closed off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    with path.open("ab+") as file:
        rest = _behind_last_newline(file)
        if rest:
            line = (b"\n" if _is_whole(rest) else _TORN) + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a log in order.

    A line that was torn by a kill is passed over: it was never acknowledged. Raises StateError for a line that is
    whole and yet no JSON object.
    """
    if not path.exists():
        return
    *lines, rest = path.read_bytes().split(b"\n")
    for number, line in enumerate([*lines, *([rest] if _is_whole(rest) else [])], 1):
        if line.endswith(_TORN.strip()):
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise StateError(f"{path}:{number}", "not a JSON line", "mend or remove the line") from error
        if not isinstance(record, dict):
            raise StateError(f"{path}:{number}", "not a JSON object", "mend or remove the line")
        yield record


def _behind_last_newline(file: IO[bytes]) -> bytes:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return b""
    file.seek(size - 1)
    if file.read(1) == b"\n":
        return b""
    file.seek(0)
    return file.read().rpartition(b"\n")[2]


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


# Closes off a torn line; no whole record ends so.
_TORN = b" #torn\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
