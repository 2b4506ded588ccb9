"""The ledger: what every paid call may cost at most is reserved before it is made, and settled after.

What is spent and what is reserved together never exceed a limit, over all agents, processes, kills and restarts. A call
whose end nobody saw counts with all that was reserved for it: unknown never means free. Amounts are whole nano-dollars,
so that sums are exact.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from nightwork.database import Connection, Place, Row, Tables, open_database
from nightwork.errors import Infrastructure, NightworkError

NANO = 1_000_000_000
_CALLS = """
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    batch TEXT NOT NULL,
    ticket TEXT NOT NULL,
    stage TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'settled', 'unconfirmed')),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    input_tokens BIGINT NOT NULL DEFAULT 0,
    cache_read_tokens BIGINT NOT NULL DEFAULT 0,
    cache_write_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0
)
"""
_TABLES = Tables((_CALLS, "CREATE INDEX calls_of_ticket ON calls (batch, ticket)"), version=1)
logger = logging.getLogger("nightwork.ledger")
_COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")


# What calls of this process came to and no ledger holds yet, by ledger: state, amount, tokens, number.
_unwritten: dict[Place, list[tuple[str | int | None, ...]]] = {}
_lock = threading.Lock()


class OverBudget(NightworkError):
    """A call does not fit into a limit: (whose: 'ticket' or 'batch', limit, spent, reserved by others, wanted)."""

    @property
    def whose(self) -> str:
        """Whose limit it is: 'ticket' or 'batch'."""
        return str(self.args[0])

    @property
    def may_fit_later(self) -> bool:
        """Say whether the call could fit once calls under way are settled below what they reserved."""
        _, limit, spent, reserved, wanted = self.args
        return bool(reserved) and spent + wanted <= limit

    def __str__(self) -> str:
        whose, limit, spent, reserved, wanted = self.args
        held = f", ${reserved / NANO:.2f} reserved" if reserved else ""
        return (
            f"the {whose}'s limit of ${limit / NANO:.2f} leaves no room for a call of up to ${wanted / NANO:.4f}: "
            f"${spent / NANO:.2f} spent{held}"
        )


@dataclass(frozen=True)
class Limits:
    """What a ticket and its batch may cost, in dollars; None is no limit."""

    ticket_usd: float | None = None
    batch_usd: float | None = None


@dataclass(frozen=True)
class Purpose:
    """What a call is for."""

    batch: str
    ticket: str
    stage: str
    model: str


@dataclass(frozen=True)
class Tokens:
    """The tokens of one call, or of several."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Line:
    """What one stage of one ticket has spent on one model; `unconfirmed_usd`, in `spent_usd`, is what nobody told."""

    ticket: str
    stage: str
    model: str
    calls: int
    spent_usd: float
    unconfirmed_usd: float
    tokens: Tokens


class Ledger:
    """The ledger of one repository, shared by all batches, processes and machines that work on it."""

    def __init__(self, place: Place, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = open_database(place, _TABLES)
        self._clock = clock

    def reserve(self, purpose: Purpose, at_most_usd: float, limits: Limits) -> int:
        """Reserve what a call can cost at most; returns the number under which it is settled.

        Raises OverBudget when it does not fit into what a limit leaves.
        """
        self._write_settled()
        with self._transaction() as connection:
            return self._reserve(connection, purpose, _nano(at_most_usd), limits)

    def reserve_many(self, wanted: Sequence[tuple[Purpose, float]], limits: Limits) -> list[int]:
        """Reserve what the calls of one batch can cost at most, all at once, as many from the first on as fit.

        Returns their numbers. Raises OverBudget when not even the first fits.
        """
        self._write_settled()
        numbers: list[int] = []
        own = replace(limits, batch_usd=None)
        limit = None if limits.batch_usd is None else _limit(limits.batch_usd)
        with self._transaction() as connection:
            spent, reserved = _sums(connection, wanted[0][0].batch, None) if wanted else (0, 0)
            try:
                for purpose, amount in ((purpose, _nano(at_most_usd)) for purpose, at_most_usd in wanted):
                    if limit is not None and spent + reserved + amount > limit:
                        raise OverBudget("batch", limit, spent, reserved, amount)
                    numbers.append(self._reserve(connection, purpose, amount, own))
                    reserved += amount
            except OverBudget:
                if not numbers:
                    raise
        return numbers

    def _reserve(self, connection: Connection, purpose: Purpose, wanted: int, limits: Limits) -> int:
        for whose, limit_usd in (("ticket", limits.ticket_usd), ("batch", limits.batch_usd)):
            if limit_usd is None:
                continue
            limit = _limit(limit_usd)
            spent, reserved = _sums(connection, purpose.batch, purpose.ticket if whose == "ticket" else None)
            if spent + reserved + wanted > limit:
                raise OverBudget(whose, limit, spent, reserved, wanted)
        return self._insert(connection, purpose, "reserved", wanted)

    def settle(self, number: int, cost_usd: float | None, tokens: Tokens = Tokens()) -> None:
        """Note what a call came to; None when nobody knows, which counts with all that was reserved.

        What cannot be written now is written before the next call: an answer that was paid for is not given up for it.
        """
        self.settle_many([(number, cost_usd, tokens)])

    def settle_many(self, calls: Sequence[tuple[int, float | None, Tokens]]) -> None:
        """Note what several calls came to, as `settle` does."""
        for number, cost_usd, tokens in calls:
            state, amount = ("unconfirmed", None) if cost_usd is None else ("settled", _nano(cost_usd))
            counts = (getattr(tokens, name) for name in _COUNTS)
            with _lock:
                _unwritten.setdefault(self._database.place, []).append((state, amount, *counts, number))
        try:
            self._write_settled()
        except Infrastructure as error:
            logger.warning("the cost of a call is not noted yet: %s", error)

    def _write_settled(self) -> None:
        with _lock:
            values = tuple(_unwritten.get(self._database.place, ()))
        if not values:
            return
        assigned = ", ".join(f"{name} = ?" for name in _COUNTS)
        with self._transaction() as connection:
            connection.execute_many(
                f"UPDATE calls SET state = ?, amount = coalesce(?, amount), {assigned} WHERE id = ?", values
            )
        with _lock:
            written = set(values)
            left = [each for each in _unwritten.get(self._database.place, ()) if each not in written]
            _unwritten[self._database.place] = left

    def close_leftovers(self, under_way: Collection[int] = ()) -> int:
        """Count in full what calls of an earlier process have reserved; only for whoever holds the run lock.

        The numbers `under_way` stay reserved: whoever names them will learn what they come to. Returns how many were
        closed.
        """
        with self._transaction() as connection:
            reserved = [row["id"] for row in connection.execute("SELECT id FROM calls WHERE state = 'reserved'")]
            closed = [(number,) for number in reserved if number not in under_way]
            connection.execute_many("UPDATE calls SET state = 'unconfirmed' WHERE id = ?", closed)
        return len(closed)

    def last_number(self) -> int:
        """Return the number of the newest call; 0 when there is none."""
        with self._transaction() as connection:
            (row,) = connection.execute("SELECT coalesce(max(id), 0) AS last FROM calls")
        return int(row["last"])

    def reserved_since(self, batch: str, stage: str, above: int) -> dict[int, str]:
        """Return the tickets of a batch's calls that are reserved and newer than a number, by their numbers."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT id, ticket FROM calls WHERE state = 'reserved' AND batch = ? AND stage = ? AND id > ?",
                (batch, stage, above),
            )
        return {row["id"]: row["ticket"] for row in rows}

    def spent_usd(self, batch: str, ticket: str | None = None) -> float:
        """Return what a batch, or one of its tickets, has spent; reservations of calls under way are left out."""
        self._write_settled()
        with self._transaction() as connection:
            return _sums(connection, batch, ticket)[0] / NANO

    def left_usd(self, batch: str, ticket: str, limits: Limits) -> float | None:
        """Return what a ticket may still reserve; None when there is no limit."""
        with self._transaction() as connection:
            left = [
                _limit(limit) - sum(_sums(connection, batch, name))
                for limit, name in ((limits.ticket_usd, ticket), (limits.batch_usd, None))
                if limit is not None
            ]
        return max(min(left), 0) / NANO if left else None

    def make_up(self, purpose: Purpose, known_usd: float) -> None:
        """See to it that a ticket has spent at least what is known from elsewhere: the ledger may have been lost."""
        with self._transaction() as connection:
            missing = _nano(known_usd) - _sums(connection, purpose.batch, purpose.ticket)[0]
            if missing > NANO // 1_000_000:  # less than a rounded amount can differ by
                self._insert(connection, purpose, "settled", missing)

    def lines(self, batch: str) -> list[Line]:
        """Return what a batch has spent by ticket, stage and model, in that order."""
        if not self._database.exists():
            return []
        sums = ", ".join(f"{_whole(name)} AS {name}" for name in _COUNTS)
        with self._transaction() as connection:
            rows = connection.execute(
                f"""SELECT ticket, stage, model, count(*) AS calls, {_whole("amount")} AS spent,
                {_whole("CASE state WHEN 'unconfirmed' THEN amount ELSE 0 END")} AS unconfirmed, {sums}
                FROM calls WHERE batch = ? AND state != 'reserved' AND amount + output_tokens > 0
                GROUP BY ticket, stage, model""",
                (batch,),
            )
        # Databases sort texts by rules of their own.
        return [_line(row) for row in sorted(rows, key=lambda row: (row["ticket"], row["stage"], row["model"]))]

    def _insert(self, connection: Connection, purpose: Purpose, state: str, amount: int) -> int:
        at = self._clock().isoformat(timespec="milliseconds")
        (row,) = connection.execute(
            """INSERT INTO calls (id, at, batch, ticket, stage, model, state, amount)
            SELECT coalesce(max(id), 0) + 1, ?, ?, ?, ?, ?, ?, ? FROM calls RETURNING id""",
            (at, purpose.batch, purpose.ticket, purpose.stage, purpose.model, state, amount),
        )
        return int(row["id"])

    def _transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction()


def _nano(usd: float) -> int:
    """Return an amount in nano-dollars, rounded up."""
    if not 0 <= usd < math.inf:
        raise ValueError(f"{usd!r} is no amount of money")
    return math.ceil(_exact(usd))


def _limit(usd: float) -> int:
    """Return a limit in nano-dollars, rounded down: what is left over of one belongs to whoever set the limit."""
    return math.floor(_exact(usd))


def _exact(usd: float) -> Decimal:
    """Return nano-dollars as the amount is written: a product of floats may be a little more than the amount."""
    return Decimal(str(usd)) * NANO


def _sums(connection: Connection, batch: str, ticket: str | None) -> tuple[int, int]:
    """Return what is spent and what is reserved."""
    of_ticket, values = ("", (batch,)) if ticket is None else (" AND ticket = ?", (batch, ticket))
    (row,) = connection.execute(
        f"""SELECT {_whole("CASE state WHEN 'reserved' THEN 0 ELSE amount END")} AS spent,
        {_whole("CASE state WHEN 'reserved' THEN amount ELSE 0 END")} AS reserved
        FROM calls WHERE batch = ?{of_ticket}""",
        values,
    )
    return row["spent"], row["reserved"]


def _whole(summed: str) -> str:
    """Return the sum of whole numbers as one, and as 0 when there are none; PostgreSQL's own is a decimal."""
    return f"CAST(coalesce(sum({summed}), 0) AS BIGINT)"


def _line(row: Row) -> Line:
    tokens = Tokens(**{name: row[name] for name in _COUNTS})
    spent, unconfirmed = row["spent"] / NANO, row["unconfirmed"] / NANO
    return Line(row["ticket"], row["stage"], row["model"], row["calls"], spent, unconfirmed, tokens)
