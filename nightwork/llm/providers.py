"""Where breakers are kept: one for each provider and key, shared by all processes of the user, or by all machines."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nightwork.breaker import Breaker
from nightwork.database import Place, place_of
from nightwork.errors import Infrastructure
from nightwork.llm.metered import WallClock
from nightwork.settings import RateLimitSettings


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
    return place_of(database, "breakers", Path()) if database else _file()


def _file() -> Path:
    """Return the user's file; XDG Base Directory Specification, "user-specific state files"."""
    told = Path(os.environ.get("XDG_STATE_HOME", ""))
    home = told if told.is_absolute() else Path.home() / ".local" / "state"
    folder = home / "nightwork"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"nightwork-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
            raise Infrastructure(
                str(folder), "belongs to somebody else; set XDG_STATE_HOME to a folder of yours"
            ) from None
    return folder / "providers.sqlite"
