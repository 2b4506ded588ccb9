"""Who pays for the calls of a batch and how patient it is: its limits, the ledger, the breakers of its providers."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from nightwork import records
from nightwork.batch import Batch
from nightwork.breaker import Closure, Kind, closures, provider_of
from nightwork.database import place_of
from nightwork.errors import Infrastructure, StateError
from nightwork.ledger import Ledger, Limits, Line, Purpose
from nightwork.llm.metered import Account
from nightwork.llm.providers import breakers_place, open_account
from nightwork.review.document import WaitRow
from nightwork.workspace import Repository

logger = logging.getLogger("nightwork.stages")


class Run(BaseModel):
    """When the newest run of a batch began, from when rate limits are counted, and what all its runs waited for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    waits: tuple[WaitRow, ...] = ()


@contextlib.contextmanager
def running(batch: Batch) -> Iterator[None]:
    """Surround the work on a batch's tickets: the ledger knows all that was spent, and what is waited for is kept.

    Only for whoever holds the run lock.
    """
    run = Run(at=datetime.now(UTC), waits=run_of(batch).waits)
    records.save(run, _path(batch))
    _make_up(batch)
    try:
        yield
    finally:
        waits = _waits(batch, run)
        records.save(run.model_copy(update={"waits": run.waits + waits}), _path(batch))


def _waits(batch: Batch, run: Run) -> tuple[WaitRow, ...]:
    try:
        place = breakers_place(batch.settings().database)
        return tuple(_told(closure) for closure in closures(place, run.at.timestamp()))
    except (Infrastructure, StateError) as error:
        logger.warning("what was waited for could not be read: %s", error)
        return ()


def run_of(batch: Batch) -> Run:
    """Return what is known of the newest run; the beginning of time when none began."""
    return records.load(Run, _path(batch)) or Run(at=datetime.fromtimestamp(0, UTC))


def _path(batch: Batch) -> Path:
    return batch.folder / "run.json"


def _make_up(batch: Batch) -> None:
    """Let the ledger know what calls of a killed run may have cost, and what the checkpoint knows and it does not."""
    ledger = ledger_of(batch)
    ledger.close_leftovers()
    for ticket, outcome in batch.state().items.items():
        if outcome.cost_usd:
            ledger.make_up(Purpose(batch.id, ticket, "earlier", "not known"), outcome.cost_usd)


def _told(closure: Closure) -> WaitRow:
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (closure.at, closure.until))
    shown = f"{end:%H:%M}" if end.date() == begin.date() else f"{end:%Y-%m-%d %H:%M}"
    told = closure.told or f"{begin:%Y-%m-%d %H:%M} to {shown} UTC"
    kind = "rate limit" if closure.kind is Kind.HIT else closure.kind.value
    return WaitRow(provider=provider_of(closure.provider), kind=kind, told=told)


def ledger_of(batch: Batch) -> Ledger:
    """Return the ledger of the batch's repository."""
    return ledger_at(batch.repository, batch.settings().database)


def ledger_at(root: Path, database: str) -> Ledger:
    """Return the ledger of a repository, in the database at a URL when there is one."""
    file = root / ".nightwork" / "ledger.sqlite"
    return Ledger(place_of(database, "ledger", file, Repository(root).identity))


def lines_of(batch: Batch) -> list[Line]:
    """Return what the batch has spent by ticket, stage and model; nothing, and a warning, when that cannot be read."""
    try:
        return ledger_of(batch).lines(batch.id)
    except (Infrastructure, StateError) as error:
        logger.warning("what %s has spent by stage could not be read: %s", batch.id, error)
        return []


def spent_usd(ledger: Ledger, batch: Batch, ticket: str, known_usd: float) -> float:
    """Return what a ticket has spent; what is known of it when the ledger cannot be read: no outcome is lost for it."""
    try:
        return ledger.spent_usd(batch.id, ticket)
    except (Infrastructure, StateError) as error:
        logger.warning("what %s has spent could not be read: %s", ticket, error)
        return known_usd


def account_of(batch: Batch) -> Account:
    """Return the account on which the calls of a batch go."""
    settings = batch.settings()
    limits = Limits(settings.batch.budget_per_ticket_usd, settings.batch.budget_usd)
    return open_account(
        ledger_of(batch),
        batch.id,
        limits,
        settings,
        since=run_of(batch).at.timestamp(),
        parallel=min(settings.batch.parallel_agents, len(batch.manifest().tickets)),
    )
