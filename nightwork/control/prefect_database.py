"""The SQLite file of a Prefect server, looked at before a server opens it: the schema it has, and whether it is whole.

A server brings an older schema up to its own by itself; nothing here changes the file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from nightwork.errors import Infrastructure, StateError
from nightwork.files import refuse_full_disk


class Schema(StrEnum):
    """How the schema of a database relates to the one that an installed Prefect wants."""

    NONE = "none"  # there is no database yet
    CURRENT = "current"
    OLDER = "older"


def examine(path: Path, head: str, known: Collection[str]) -> Schema:
    """Say how the schema of a database stands; `known` are all revisions that the installed Prefect knows.

    Raises StateError when the file is damaged, or was written by a newer Prefect.
    """
    if not path.exists() or path.stat().st_size == 0:
        return Schema.NONE
    try:
        revision = _revision(path)
    except sqlite3.DatabaseError as error:
        remedy = "move it away to start with an empty one, or put a copy in its place; nothing was changed"
        raise StateError(path, f"is no database that can be read ({error})", remedy) from error
    if revision is None:
        return Schema.NONE
    if revision not in known:
        remedy = "install that version, or set PREFECT_HOME to another folder; nothing was changed"
        raise StateError(path, f"was written by a newer Prefect (schema {revision})", remedy)
    return Schema.CURRENT if revision == head else Schema.OLDER


def _revision(path: Path) -> str | None:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()
        if damage != ("ok",):
            raise sqlite3.DatabaseError(str(damage[0]))
        table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        if connection.execute(table).fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def copy(path: Path, to: Path) -> None:
    """Copy a database as a whole, what stands in its log included; a copy that is there already is kept.

    Raises Infrastructure when there is no room for it.
    """
    if to.exists():
        return
    free = shutil.disk_usage(path.parent).free
    if free < 2 * path.stat().st_size:
        raise Infrastructure("disk", f"has no room for a copy of {path} before its schema is changed; make room")
    unfinished = to.with_name(f"{to.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as source,
        contextlib.closing(sqlite3.connect(unfinished)) as target,
    ):
        source.backup(target)
    unfinished.chmod(0o600)
    unfinished.replace(to)


def close_to_others(home: Path) -> None:
    """Take from other users of the machine what they may do in a server's home: it holds the secrets of blocks, and the
    key that opens them. What its group may do stays.
    """
    about = home.stat()
    if about.st_uid == os.getuid() and about.st_mode & 0o007:
        home.chmod(about.st_mode & 0o7770)


def refuse_unwritable(home: Path) -> None:
    """Raise Infrastructure when a server could not write in its home: its rights, or a full disk."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home):
            pass
        for path in home.glob("prefect.db*"):
            if not os.access(path, os.W_OK):
                raise PermissionError(13, "Permission denied", str(path))
    except OSError as error:
        told = f"{error.strerror}: {error.filename or home}; make it writable, or set PREFECT_HOME to another folder"
        raise Infrastructure("the home of Prefect", told) from error
    refuse_full_disk(home, "Prefect could keep nothing there")
