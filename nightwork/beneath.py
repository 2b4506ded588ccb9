"""Files below a folder into which hostile code writes: no link is followed, nothing but plain files is opened.

Each folder on the way is opened from the one above it, so that swapping it for a link in between leads nowhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# What git refuses too: file systems of other machines take these names for `.git`.
_SHORT_NAME = re.compile(r"git~\d+")
_IGNORED_BY_HFS = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


def is_gits_own(name: str) -> bool:
    """Say whether a file of this name is, or on some file system would be, the repository itself."""
    plain = name.translate(_IGNORED_BY_HFS).partition(":")[0].rstrip(" .").casefold()
    return plain == ".git" or _SHORT_NAME.fullmatch(plain) is not None


@contextlib.contextmanager
def opened_folder(root: Path, relative: Path, make: bool = False) -> Iterator[int]:
    """Open a folder below `root`, made with those on the way when `make`; raises OSError when a link is on the way."""
    descriptor = os.open(root, _FOLDER)
    try:
        for part in relative.parts:
            below = _entered(descriptor, part, make)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _entered(folder: int, part: str, make: bool) -> int:
    if part in {"..", "/"}:
        raise ValueError(f"{part!r} leads out of the folder")
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(part, dir_fd=folder)
    return os.open(part, _FOLDER, dir_fd=folder)


def read(root: Path, relative: Path, limit: int) -> bytes:
    """Return a file below `root`; raises ValueError for what is no plain file or holds more than `limit` bytes."""
    with opened_folder(root, relative.parent) as folder:
        descriptor = os.open(relative.name, _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("is no plain file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"is larger than {limit:,} bytes")
    return data


def replace(root: Path, relative: Path, data: bytes, scratch: Path) -> None:
    """Put a file in place below `root` in one step, flushed to disk; the mode of a file that is there stays.

    A file that has further names is replaced under this one alone. `scratch` is a folder of the same file system.
    Raises ValueError when something else than a plain file is there.
    """
    temporary = scratch / f".nightwork-{os.getpid()}-{threading.get_ident()}.tmp"
    with opened_folder(root, relative.parent, make=True) as folder:
        mode = _mode(folder, relative.name)
        try:
            with temporary.open("xb") as file:
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, relative.name, dst_dir_fd=folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        os.fsync(folder)


def remove(root: Path, relative: Path) -> None:
    """Remove a file, a link or a folder with everything in it; raises FileNotFoundError when nothing is there."""
    with opened_folder(root, relative.parent) as folder:
        if stat.S_ISDIR(os.stat(relative.name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(relative.name, dir_fd=folder)
        else:
            os.unlink(relative.name, dir_fd=folder)


def remove_special(root: Path) -> None:
    """Remove pipes, sockets and devices below a folder, and let its files and folders be used by their owner."""
    for _, folders, files, folder in os.fwalk(root):
        for name in (*folders, *files):  # a folder before it is entered
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            wanted = stat.S_IRWXU if stat.S_ISDIR(mode) else stat.S_IRUSR if stat.S_ISREG(mode) else 0
            if mode & wanted != wanted:
                os.chmod(name, stat.S_IMODE(mode) | wanted, dir_fd=folder)
            elif not wanted and not stat.S_ISLNK(mode):
                os.unlink(name, dir_fd=folder)


def _mode(folder: int, name: str) -> int | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("is no plain file")
    return status.st_mode & 0o777
