"""Keeps everybody away from a provider that takes no requests: quota walls, throttling, outages.

One breaker for each account at a provider, in a file that all processes of the user share, or in a database that all
machines share. Times in there are of the database's clock, those that go in and out here of this machine's. While it is
closed nothing is sent but one probe at a time. Rules (batch-pipeline.md, "Rate Limits", and its merger with what a
night shows):

- A rate limit whose reset is further away than `hit_after`, or that tells none, is a **hit**: everybody waits for the
  reset. Limits that come back from calls sent before the hit belong to it. A probe that meets a limit is the next hit.
- A shorter one only throttles: everybody waits that long.
- A provider that fails call after call is **out**: everybody waits, longer each time. An outage is no hit.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from nightwork.database import Connection, Database, Place, Row, Tables, open_database
from nightwork.markdown import storable

# A probe that was killed holds the others up no longer than this.
_PROBE_S = 900.0
# Waiting for another's probe, and for a wait that another process may shorten.
_LOOK_AGAIN_S = 5.0
LONGEST_LOOK_S = 60.0
_FIRST_OUTAGE_S, _LONGEST_OUTAGE_S = 120.0, 1800.0
# Clocks are set by less than this all the time.
_CLOCK_S = 60.0
# So many short limits without an answer between them are no throttling any more.
_SHORT_IN_A_ROW = 10
_JITTER = 0.1
_MOST_JITTER_S = 60.0
# What no reset can be; more is taken as not told.
_LONGEST_RESET_S = timedelta(days=31).total_seconds()
_PROVIDERS = """
CREATE TABLE providers (
    name TEXT PRIMARY KEY,
    epoch BIGINT NOT NULL DEFAULT 0,
    closed_until DOUBLE PRECISION,
    kind TEXT,
    probe TEXT,
    probe_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    slow_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    short_limits INTEGER NOT NULL DEFAULT 0,
    outages INTEGER NOT NULL DEFAULT 0
)
"""
_CLOSURES = """
CREATE TABLE closures (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    kind TEXT NOT NULL,
    told TEXT NOT NULL
)
"""
_INDEX = "CREATE INDEX closures_of_provider ON closures (provider, at)"
_TABLES = Tables((_PROVIDERS, _CLOSURES, _INDEX), version=1)


class Kind(StrEnum):
    """Why a provider takes no requests."""

    HIT = "hit"  # a rate limit with a reset far away
    OUTAGE = "outage"  # call after call failed
    REFUSED = "refused"  # the key, the permission, the credit: a person has to see to it


class Time(Protocol):
    """The clock: seconds since the epoch, and waiting."""

    def now(self) -> float:
        """Return the seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopped when the run is to end."""


@dataclass(frozen=True)
class Closure:
    """One time for which a provider took no requests, in seconds since the epoch."""

    provider: str
    at: float
    until: float
    kind: Kind
    told: str = ""

    def seen_from(self, connection: Connection) -> Closure:
        """Return a closure that a database tells, in this machine's time."""
        ahead_s = connection.ahead_s()
        return replace(self, at=self.at - ahead_s, until=self.until - ahead_s)


@dataclass(frozen=True)
class Permit:
    """The right, given `at` some time of the database, to send one request; it is given back with what came of it."""

    epoch: int
    probe: str = ""
    at: float = math.inf


@dataclass(frozen=True)
class Wait:
    """Why nothing is sent, until when, and when to look again (seconds since the epoch); `kind` None is throttling."""

    look_again: float
    until: float
    epoch: int
    kind: Kind | None = None


class Breaker:
    """The breaker of one provider, or of one account there: `anthropic#3fa9`."""

    def __init__(
        self,
        place: Place,
        name: str,
        time: Time,
        *,
        hit_after_s: float = 300.0,
        untold_s: float = 3600.0,
        longest_look_s: float = LONGEST_LOOK_S,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._database = open_database(place, _TABLES)
        self.place = place
        self.name = name
        self.provider = provider_of(name)
        self.time = time
        self._hit_after_s = hit_after_s
        self._untold_s = untold_s
        self._longest_look_s = longest_look_s
        self._rng = rng

    def enter(self) -> Permit | Wait:
        """Return the right to send one request, or why and until when there is none; never blocks."""
        with self._transaction() as connection:
            now, row = self._now(connection), self._row(connection)
            wait = _wait(self._believed(connection, row, now), now, self._longest_look_s)
            if wait is not None:
                ahead_s = connection.ahead_s()
                return replace(wait, look_again=wait.look_again - ahead_s, until=wait.until - ahead_s)
            if row["closed_until"] is None:
                return Permit(row["epoch"], at=now)
            probe = uuid.uuid4().hex
            self._set(connection, probe=probe, probe_until=now + _PROBE_S)
            return Permit(row["epoch"], probe, now)

    def succeeded(self, permit: Permit) -> None:
        """Take back a permit whose request was answered: a probe opens the way for all."""
        with self._transaction() as connection:
            row = self._row(connection)
            if permit.probe and permit.probe == row["probe"]:
                self._set(connection, closed_until=None, kind=None, probe=None, probe_until=0, outages=0)
            if row["short_limits"] and permit.epoch == row["epoch"]:
                self._set(connection, short_limits=0)

    def put_back(self, permit: Permit) -> None:
        """Take back a permit of which nothing was learnt; somebody else may probe."""
        with self._transaction() as connection:
            self._leave_probe(connection, self._row(connection), permit)

    def limited(self, permit: Permit, reset_s: float | None) -> Closure | None:
        """Take back a permit whose request met a rate limit; returns the hit that it is, None when it is none."""
        reset_s = _credible(reset_s)
        with self._transaction() as connection:
            now, row = self._now(connection), self._row(connection)
            # Nothing is sent while all are slow: what was sent before that met the same limit.
            shorts = row["short_limits"] + (permit.at >= row["slow_until"])
            is_long = reset_s is None or reset_s > self._hit_after_s or shorts >= _SHORT_IN_A_ROW
            if not is_long and reset_s is not None:
                slow_until = max(row["slow_until"], now + self._spread(reset_s))
                self._set(connection, slow_until=slow_until, short_limits=shorts)
                self._leave_probe(connection, row, permit)
                return None
            if permit.epoch < row["epoch"]:
                return self._same_hit(connection, row, now, reset_s)
            wait_s = self._spread(self._untold_s if reset_s is None else max(reset_s, self._hit_after_s))
            return self._close(connection, row, Closure(self.name, now, now + wait_s, Kind.HIT))

    def _same_hit(self, connection: Connection, row: Row, now: float, reset_s: float | None) -> Closure | None:
        """A call sent before the hit brings no new one, but may know better how long it lasts."""
        if reset_s is not None and row["closed_until"] is not None and now + reset_s > row["closed_until"]:
            self._set(connection, closed_until=now + reset_s)
        return None

    def failed(self, permit: Permit) -> Closure | None:
        """Take back a permit when call after call has failed; returns the outage, None when it is known already."""
        with self._transaction() as connection:
            now, row = self._now(connection), self._row(connection)
            if permit.epoch < row["epoch"]:
                return None
            wait_s = self._spread(min(_FIRST_OUTAGE_S * 2 ** row["outages"], _LONGEST_OUTAGE_S))
            self._set(connection, outages=min(row["outages"] + 1, 20))
            return self._close(connection, row, Closure(self.name, now, now + wait_s, Kind.OUTAGE))

    def refused(self, permit: Permit, told: str) -> None:
        """Take back a permit when the provider takes no request of ours until a person has seen to it."""
        self.put_back(permit)
        with self._transaction() as connection:
            now = self._now(connection)
            self._note(connection, Closure(self.name, now, now, Kind.REFUSED, told))

    def closures(self, since: float) -> list[Closure]:
        """Return the closures that began since then, oldest first; what is still to come was told by a wrong clock."""
        found = [closure for closure in _closures(self._database, since) if closure.provider == self.name]
        return [closure for closure in found if closure.at <= self.time.now() + _CLOCK_S]

    def _leave_probe(self, connection: Connection, row: Row, permit: Permit) -> None:
        if permit.probe and permit.probe == row["probe"]:
            self._set(connection, probe=None, probe_until=0)

    def _close(self, connection: Connection, row: Row, closure: Closure) -> Closure:
        self._set(
            connection,
            epoch=row["epoch"] + 1,
            closed_until=closure.until,
            kind=str(closure.kind),
            probe=None,
            probe_until=0,
            short_limits=0,
        )
        self._note(connection, closure)
        return closure.seen_from(connection)

    def _note(self, connection: Connection, closure: Closure) -> None:
        connection.execute(
            """INSERT INTO closures (id, provider, at, until, kind, told)
            SELECT coalesce(max(id), 0) + 1, ?, ?, ?, ?, ? FROM closures""",
            (self.name, closure.at, closure.until, str(closure.kind), _storable(closure.told)),
        )

    def _believed(self, connection: Connection, row: Row, now: float) -> dict[str, Any]:
        """Return a row without the times that a clock, set back since, has made too late: then a probe tells."""
        believed = dict(row)
        begun = connection.execute("SELECT at FROM closures WHERE provider = ? ORDER BY id DESC LIMIT 1", (self.name,))
        if row["closed_until"] is not None and begun and begun[0]["at"] > now + _CLOCK_S:
            believed["closed_until"] = now
        for name, longest_s in (("slow_until", self._hit_after_s + _MOST_JITTER_S), ("probe_until", _PROBE_S)):
            believed[name] *= row[name] <= now + longest_s
        return believed

    def _now(self, connection: Connection) -> float:
        return self.time.now() + connection.ahead_s()

    def _row(self, connection: Connection) -> Row:
        connection.execute("INSERT INTO providers (name) VALUES (?) ON CONFLICT DO NOTHING", (self.name,))
        (row,) = connection.execute("SELECT * FROM providers WHERE name = ?", (self.name,))
        return row

    def _set(self, connection: Connection, **values: object) -> None:
        assigned = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE providers SET {assigned} WHERE name = ?", (*values.values(), self.name))

    def _spread(self, seconds: float) -> float:
        """Return a little more, differently each time, so that not everybody comes back at the same instant."""
        return seconds + min(seconds * _JITTER, _MOST_JITTER_S) * self._rng()

    def _transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction()


def provider_of(name: str) -> str:
    """Return the provider's part of a breaker's name."""
    return name.partition("#")[0]


def closures(place: Place, since: float) -> list[Closure]:
    """Return the closures of all providers that began since then, oldest first."""
    database = open_database(place, _TABLES)
    return _closures(database, since) if database.exists() else []


def _closures(database: Database, since: float) -> list[Closure]:
    with database.transaction() as connection:
        rows = connection.execute(
            "SELECT provider, at, until, kind, told FROM closures WHERE at >= ? ORDER BY id",
            (since + connection.ahead_s(),),
        )
    told = [Closure(row["provider"], row["at"], row["until"], Kind(row["kind"]), row["told"]) for row in rows]
    return [closure.seen_from(connection) for closure in told]


def _wait(row: Mapping[str, Any], now: float, longest_look_s: float) -> Wait | None:
    """Return why a request has to wait; None when it may be sent, as a probe while the way is closed."""
    until = max(row["closed_until"] or 0.0, row["slow_until"])
    kind = Kind(row["kind"]) if row["kind"] else None
    if now < until:
        return Wait(min(until, now + longest_look_s), until, row["epoch"], kind)
    if row["closed_until"] is not None and now < row["probe_until"]:
        return Wait(min(row["probe_until"], now + _LOOK_AGAIN_S), until, row["epoch"], kind)
    return None


def _storable(told: str) -> str:
    """Return a provider's words without what some database does not take."""
    return storable(told).replace("\0", "")


def _credible(reset_s: float | None) -> float | None:
    """Return a reset time that can be one; None when it is told badly or not at all."""
    if reset_s is None or not math.isfinite(reset_s) or not 0 <= reset_s <= _LONGEST_RESET_S:
        return None
    return reset_s
