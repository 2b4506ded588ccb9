"""Where breakers are kept: one for each provider and key, shared by all processes of the user, or by all machines."""

from __future__ import annotations

from nightwork.breaker import Breaker
from nightwork.database import Place, place_of
from nightwork.llm.metered import WallClock
from nightwork.settings import RateLimitSettings
from nightwork.state_home import state_home


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
