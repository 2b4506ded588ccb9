"""Who pays for a batch's calls and who guards their providers: an account on a ledger, and breakers.

A breaker stands for each provider and key, shared by all processes of the user, or by all machines.
"""

from __future__ import annotations

from nightwork.breaker import Breaker
from nightwork.database import Place, place_of
from nightwork.ledger import Ledger, Limits
from nightwork.llm.metered import Account, Patience, WallClock
from nightwork.settings import RateLimitSettings, Settings
from nightwork.state_home import state_home


def open_account(
    ledger: Ledger,
    batch: str,
    limits: Limits,
    settings: Settings,
    *,
    since: float,
    parallel: int,
    max_retries: int | None = None,
) -> Account:
    """Return the account on which a batch's calls go; `since` (seconds since the epoch) is when its run began.

    `max_retries` is how often a call that failed is made again; None is as often as the patience lasts.
    """
    walls = settings.rate_limit
    return Account(
        ledger=ledger,
        batch=batch,
        limits=limits,
        parallel=parallel,
        breaker=lambda provider: breaker_of(provider, walls, settings.database),
        patience=Patience(since, walls.max_hits, walls.max_outage.total_seconds()),
        max_retries=max_retries,
    )


def breaker_of(provider: str, settings: RateLimitSettings, database: str) -> Breaker:
    """Return the breaker of a provider, which all share who use the database, or all processes of the user."""
    return Breaker(
        breakers_place(database),
        provider,
        WallClock(),
        hit_after_s=settings.hit_after.total_seconds(),
        untold_s=settings.wait.total_seconds(),
    )


def breakers_place(database: str) -> Place:
    """Return where breakers are kept: in the database at a URL, in a file of the user's when there is none."""
    return place_of(database, "breakers", state_home() / "providers.sqlite")
