"""The file into which a gate writes its report: a plain file in the checkout that only the gate has written."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

MAX_REPORT_BYTES = 50_000_000


def clear(checkout: Path, name: str) -> None:
    """Make room for a report: what the change brought along at its place, links and folders too, is removed."""
    path = checkout / name
    for folder in _folders(checkout, path):
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read(checkout: Path, name: str) -> str:
    """Return the report; raises ValueError or OSError for what is no plain file, or larger than is read."""
    path = checkout / name
    if any(folder.is_symlink() for folder in _folders(checkout, path)):
        raise ValueError(f"a link leads to {name}")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would keep its reader waiting
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name} is no plain file")
        if status.st_size > MAX_REPORT_BYTES:
            raise ValueError(f"{name} is larger than what is read")
        return file.read()


def _folders(checkout: Path, path: Path) -> Iterator[Path]:
    """Yield the folders between the checkout and a file in it, the outermost first."""
    if path.is_relative_to(checkout):
        yield from (folder for folder in reversed(path.parents) if folder != checkout and checkout in folder.parents)
