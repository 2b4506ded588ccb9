"""SQLite files of our own: one transaction at a time, from any thread and process, and errors that say whose fault."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nightwork.errors import Infrastructure, StateError

# Longer than any transaction of ours takes, even with all agents of a machine at once.
_PATIENCE_S = 60.0


class Database:
    """A file with tables; `schema` is run whenever a transaction finds another version than `version`."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self.path = path
        self._schema = schema
        self._version = version

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the only writing transaction; it is on disk when the context ends, and undone when it raises.

        Raises StateError for a file that is no database of ours, Infrastructure for a disk or a lock that fails.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(self.path, timeout=_PATIENCE_S, isolation_level=None)
            with contextlib.closing(connection):
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self._prepare(connection)
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Infrastructure(str(self.path), f"{error}; make room or mend the file system, then resume") from error
        except sqlite3.DatabaseError as error:
            raise StateError(self.path, f"cannot be read: {error}", "restore it, or move it away") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in {0, self._version}:
            raise StateError(
                self.path, f"is of version {found}, not {self._version}", "use the nightwork that wrote it"
            )
        if found == 0:
            for statement in self._schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._version}")
