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
from nightwork.errors import Infrastructure, StateError
from nightwork.ledger import Ledger, Limits, Purpose
from nightwork.llm.metered import Account, Patience
from nightwork.llm.providers import breaker_of, breakers_path
from nightwork.review.document import WaitRow

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
        waits = _waits(run)
        records.save(run.model_copy(update={"waits": run.waits + waits}), _path(batch))


def _waits(run: Run) -> tuple[WaitRow, ...]:
    try:
        return tuple(_told(closure) for closure in closures(breakers_path(), run.at.timestamp()))
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
    return Ledger(batch.state_folder / "ledger.sqlite")


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
    return Account(
        ledger=ledger_of(batch),
        batch=batch.id,
        limits=limits,
        parallel=min(settings.batch.parallel_agents, len(batch.manifest().tickets)),
        breaker=lambda provider: breaker_of(provider, settings.rate_limit),
        patience=patience_of(batch),
    )


def patience_of(batch: Batch) -> Patience:
    """Return how much the run under way takes from a provider."""
    settings = batch.settings().rate_limit
    return Patience(run_of(batch).at.timestamp(), settings.max_hits, settings.max_outage.total_seconds())
