"""Tables in a schema of PostgreSQL, for several machines; an advisory lock for each schema keeps transactions apart."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

import psycopg
from psycopg import sql

from nightwork.database.address import Schema
from nightwork.database.connections import Open, connection, said
from nightwork.database.port import Row, Tables
from nightwork.errors import Infrastructure, StateError

logger = logging.getLogger("nightwork.database")
# Longer than all agents of all machines need, one after the other.
_PATIENCE_S = 60.0
# Who holds the lock and is not heard of, such as a machine that sleeps, is put out.
_SILENT_S = 20.0
_SAME_CLOCK_S = 1.0
# READ COMMITTED: each statement sees what was committed before the lock was had, whatever the server's default is.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_LIMITS = {
    "statement_timeout": f"{_PATIENCE_S:.0f}s",
    "lock_timeout": f"{_PATIENCE_S:.0f}s",
    "idle_in_transaction_session_timeout": f"{_SILENT_S:.0f}s",
    "synchronous_commit": "on",
}
_SETTINGS = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _LIMITS.items())
_ahead: dict[str, float] = {}
_guard = threading.Lock()


class PostgresDatabase:
    """A schema with tables."""

    def __init__(self, schema: Schema, tables: Tables) -> None:
        self.place = schema
        self._tables = tables
        self._key = int.from_bytes(hashlib.sha256(schema.name.encode()).digest()[:8], "big", signed=True)

    def exists(self) -> bool:
        """Say whether there is such a schema with a version."""
        with self._errors(), connection(self.place.url, str(self.place)) as opened:
            return self._has_tables(opened)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[_Connection]:
        """Hold the only writing transaction, as the port tells."""
        with self._errors(), connection(self.place.url, str(self.place)) as opened:
            opened.execute(_BEGIN)
            ahead_s = self._begun(opened)
            self._prepare(opened)
            yield _Connection(opened, ahead_s)
            opened.execute("COMMIT")

    def _begun(self, opened: Open) -> float:
        """Set what holds for this transaction and wait for the lock; returns how far the server's clock is ahead."""
        asked_at = time.time()
        row = opened.execute(
            f"SELECT extract(epoch FROM clock_timestamp())::float8 AS now, {_SETTINGS}, "
            "set_config('search_path', %s, true)",
            (f'"{self.place.name}"',),
        ).fetchone()
        assert row is not None
        ahead_s = _clock_of(self.place.url, row["now"], asked_at, time.time())
        opened.execute("SELECT pg_advisory_xact_lock(%s::int8)", (self._key,))
        return ahead_s

    def _prepare(self, opened: Open) -> None:
        if not self._has_tables(opened):
            self._make(opened)
        row = opened.execute("SELECT max(number) AS found FROM nightwork_version").fetchone()
        found, wanted = row["found"] if row else None, self._tables.version
        if found != wanted:
            raise StateError(self.place, f"is of version {found}, not {wanted}", "use the nightwork that wrote it")

    def _has_tables(self, opened: Open) -> bool:
        row = opened.execute("SELECT to_regclass(%s) AS found", (f'"{self.place.name}".nightwork_version',)).fetchone()
        return row is not None and row["found"] is not None

    def _make(self, opened: Open) -> None:
        row = opened.execute("SELECT to_regnamespace(%s) AS found", (f'"{self.place.name}"',)).fetchone()
        if row is None or row["found"] is None:  # a role that may not make schemas can be given one
            opened.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self.place.name)))
        for statement in self._tables.statements:
            opened.execute(statement.encode())
        opened.execute("CREATE TABLE nightwork_version (number INTEGER NOT NULL)")
        opened.execute("INSERT INTO nightwork_version VALUES (%s)", (self._tables.version,))

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            told = f"{said(error)}; grant the role CREATE on the database, or make it a schema of this name"
            raise Infrastructure(str(self.place), told) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as error:
            raise Infrastructure(str(self.place), f"{said(error)}; see to the server, then resume") from error
        except psycopg.Error as error:
            raise StateError(
                self.place, f"cannot be used: {said(error)}", "restore the schema, or rename it"
            ) from error


class _Connection:
    """A transaction under way."""

    def __init__(self, opened: Open, ahead_s: float) -> None:
        self._opened = opened
        self._ahead_s = ahead_s

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement; returns the rows that it tells."""
        cursor = self._opened.execute(_translated(statement), values)
        return cursor.fetchall() if cursor.description else []

    def execute_many(self, statement: str, values: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each set of values."""
        with self._opened.cursor() as cursor:
            cursor.executemany(_translated(statement), values)

    def ahead_s(self) -> float:
        """Return how far the server's clock is ahead of this machine's."""
        return self._ahead_s


def _translated(statement: str) -> bytes:
    """Return a statement with psycopg's placeholders; none of ours holds a percent sign or a quoted question mark."""
    return statement.replace("?", "%s").encode()


def _clock_of(url: str, told: float, before: float, after: float) -> float:
    """Return how far a server's clock is ahead: the same number while it agrees, so that times do not flicker."""
    with _guard:
        known = _ahead.setdefault(url, 0.0)
        if before - _SAME_CLOCK_S <= told - known <= after + _SAME_CLOCK_S:
            return known
        logger.info("the clock of %s is %.0f s ahead of this machine's", url.partition("?")[0], told - after)
        _ahead[url] = told - (before + after) / 2
        return _ahead[url]
