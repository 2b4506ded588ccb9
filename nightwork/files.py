"""Files that are either whole or not there: atomic replacement, and logs that survive a torn last line."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nightwork.errors import StateError


def write_atomically(path: Path, text: str, scratch: Path | None = None) -> None:
    """Replace `path` by `text` in one step, flushed to disk; a reader sees the old file or the new one.

    The mode of an existing file stays. `scratch` is a folder on the same file system for the file in the making; by
    default it stands beside `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = (scratch or path.parent) / f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line and flush it to disk; a torn line left by a kill is closed off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
    with path.open("ab+") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
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
    for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").split("\n"), 1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if error.pos >= len(line) or not line.endswith("}"):
                continue
            raise StateError(f"{path}:{number}", "not a JSON line", "mend or remove the line") from error
        if not isinstance(record, dict):
            raise StateError(f"{path}:{number}", "not a JSON object", "mend or remove the line")
        yield record


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
