"""Tables in a file of SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nightwork.database.port import Row, Tables
from nightwork.errors import Infrastructure, StateError

# Longer than any transaction of ours takes, even with all agents of a machine at once.
_PATIENCE_S = 60.0


class SqliteDatabase:
    """A file with tables."""

    def __init__(self, path: Path, tables: Tables) -> None:
        self.place = path
        self._tables = tables

    def exists(self) -> bool:
        """Say whether there is such a file."""
        return self.place.exists()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[_Connection]:
        """Hold the only writing transaction, as the port tells; what it writes is on disk when it ends."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(self.place, timeout=_PATIENCE_S, isolation_level=None)
            with contextlib.closing(connection):
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    self._prepare(connection)
                    yield _Connection(connection)
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Infrastructure(str(self.place), f"{error}; make room or mend the file system, then resume") from error
        except sqlite3.DatabaseError as error:
            raise StateError(self.place, f"cannot be read: {error}", "restore it, or move it away") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in {0, self._tables.version}:
            raise StateError(
                self.place, f"is of version {found}, not {self._tables.version}", "use the nightwork that wrote it"
            )
        if found == 0:
            for statement in self._tables.statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._tables.version}")


class _Connection:
    """A transaction under way."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement; returns the rows that it tells."""
        cursor = self._connection.execute(statement, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def execute_many(self, statement: str, values: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each set of values."""
        self._connection.executemany(statement, values)

    def ahead_s(self) -> float:
        """Return 0: all who share a file have the same clock."""
        return 0.0
