"""The files of a project: what git would take, below its root, and nothing that nightwork wrote."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nightwork.workspace.listing import list_files

_OWN = ("specs/", "drift-logs/", ".nightwork/")


def project_files(root: Path) -> list[str]:
    """Return the paths of a project's files, relative to its root, with slashes, sorted.

    A folder of a repository has what is tracked and what is not ignored; any other folder what its `.gitignore` files
    leave. Links are left out: what they lead to is listed itself, or lies outside. Names that are not UTF-8 hold
    surrogates. Raises BadInput when there is no such folder.
    """
    listed = [path for path in list_files(root) if not path.startswith(_OWN)]
    plain: set[str] = set()
    within = {folder: _is_within(root, folder, plain) for folder in {_folder(path) for path in listed}}
    return sorted(path for path in listed if within[_folder(path)] and _is_file(root, path))


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _is_within(root: Path, folder: str, plain: set[str]) -> bool:
    """Say whether a folder is reached from the root by plain folders: a repository can name whatever it likes.

    `plain` are folders that were found so.
    """
    end = 0
    while (end := folder.find("/", end) + 1) > 0:
        above = folder[: end - 1]
        if above in plain:
            continue
        if above.rpartition("/")[2] in {"", ".."} or os.path.islink(os.path.join(root, above)):  # noqa: PTH114, PTH118
            return False
        plain.add(above)
    return True


def _is_file(root: Path, path: str) -> bool:
    """Say whether something stands there that is neither a link nor a folder."""
    try:
        mode = os.lstat(os.path.join(root, path)).st_mode  # noqa: PTH118
    except OSError:
        return False
    return not stat.S_ISLNK(mode) and not stat.S_ISDIR(mode)


def plain_bytes(path: Path, most: int = -1) -> bytes | None:
    """Return what stands in a plain file, `most` bytes of it; None for what is none: a pipe may never say anything."""
    try:
        with open(path, "rb", opener=_opened) as file:
            return file.read(most) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
    except OSError:
        return None


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
