"""Where the user's breakers are kept: one for each provider and key, shared by all processes on the machine."""

from __future__ import annotations

from pathlib import Path

from nightwork.breaker import Breaker
from nightwork.llm.metered import WallClock
from nightwork.settings import RateLimitSettings
from nightwork.state_home import state_home


def breaker_of(provider: str, settings: RateLimitSettings) -> Breaker:
    """Return the breaker of a provider, which all processes of the user share."""
    return Breaker(
        breakers_path(),
        provider,
        WallClock(),
        hit_after_s=settings.hit_after.total_seconds(),
        untold_s=settings.wait.total_seconds(),
    )


def breakers_path() -> Path:
    """Return where the user's breakers are kept."""
    return state_home() / "providers.sqlite"
