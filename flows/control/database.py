"""The database of a server of this machine: where it is, and how it is opened.

What is imported late takes a third of a second, which a command that starts no server does without.
"""

from __future__ import annotations

from pathlib import Path

from prefect.settings import get_current_settings


def path() -> Path | None:
    """Return the SQLite file of a server of this machine; None when its database is another one."""
    from sqlalchemy import make_url

    address = _address()
    parsed = make_url(address) if address else None
    return Path(parsed.database) if parsed and parsed.database and parsed.get_backend_name() == "sqlite" else None


def patient() -> str | None:
    """Return the address by which a server opens its SQLite file so that transactions wait for each other."""
    from nightwork.control.immediate import immediate

    address = _address()
    return immediate(address) if address and path() else None


def _address() -> str | None:
    url = get_current_settings().server.database.connection_url
    return url.get_secret_value() if url else None
