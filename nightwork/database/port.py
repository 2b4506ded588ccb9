"""What the rest of nightwork knows of a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from nightwork.database.address import Place

Row = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """The statements that make some tables, and their version; another one is refused."""

    statements: tuple[str, ...]
    version: int


class Connection(Protocol):
    """A transaction under way."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a statement; returns the rows that it tells, none when it tells none."""

    def execute_many(self, statement: str, values: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each set of values."""

    def ahead_s(self) -> float:
        """Return how far the clock of all who share the tables is ahead of this machine's, in seconds.

        Clocks that agree within a second are taken as the same one.
        """


class Database(Protocol):
    """Tables at one place."""

    @property
    def place(self) -> Place:
        """Where the tables are."""

    def exists(self) -> bool:
        """Say whether anything was ever written there; raises Infrastructure when that cannot be told."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Hold the only writing transaction; it is kept when the context ends, and undone when it raises.

        Tables that are not there are made first. Raises StateError for what is no tables of ours or those of another
        version, Infrastructure for a disk, a lock or a server that fails. When a connection breaks while the end of a
        transaction is told, it is not known whether it was kept.
        """
