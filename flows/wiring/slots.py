"""Slots of a provider for all workers of a server: global concurrency limits named `agents-<provider>`.

They spare a provider; whether a ticket is worked on, and what came of it, never hangs on the server that counts them.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

import httpx
from prefect import get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from nightwork import stop

logger = logging.getLogger("nightwork.slots")
_LOOK_AGAIN_S = 10.0
_AWAY_FOR_S = 120.0
_RETRIES = 3
_UNREACHABLE = (httpx.HTTPError, PrefectException, ConcurrencySlotAcquisitionError, OSError)


def limit_of(provider: str) -> str | None:
    """Return the name of a provider's limit; None when the server has none, so that agents need no slot."""
    name = f"agents-{provider}"
    try:
        with get_client(sync_client=True) as client:
            client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        return None
    except httpx.HTTPError as error:
        logger.warning("whether there is a limit %s could not be told, so none holds: %s", name, error)
        return None
    return name


@contextlib.contextmanager
def slot(limit: str | None) -> Iterator[None]:
    """Hold a slot while an agent works; a worker that dies gives its slots back when their lease ends.

    When the server is away for minutes the agent works without one. Raises Stopped when the run is to end before.
    """
    held = _taken(limit) if limit is not None else contextlib.ExitStack()
    try:
        yield
    finally:
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: _RETRIES}):
                held.close()
        except _UNREACHABLE as error:
            logger.warning("a slot of %s is given back when its lease ends: %s", limit, error)


def _taken(limit: str) -> contextlib.ExitStack:
    """Wait for a slot; what comes back holds it, or nothing when there was no server to ask."""
    held, away_since, is_told = contextlib.ExitStack(), None, False
    while True:
        stop.check()
        try:
            held.enter_context(concurrency(limit, timeout_seconds=_LOOK_AGAIN_S))
            return held
        except TimeoutError:
            problem = _unreachable()
        except _UNREACHABLE as error:
            problem = str(error)
            stop.wait(min(_LOOK_AGAIN_S, _AWAY_FOR_S / 4))
        if problem is None:
            away_since = None
            if not is_told:
                logger.info("all slots of %s are taken; waiting for one", limit)
            is_told = True
            continue
        away_since = time.monotonic() if away_since is None else away_since
        if time.monotonic() - away_since > _AWAY_FOR_S:
            logger.warning("the slots of %s cannot be asked for, so the agent works without one: %s", limit, problem)
            return held


def _unreachable() -> str | None:
    """Say why the server cannot be asked; None when it answers."""
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
            client.hello()
    except _UNREACHABLE as error:
        return str(error) or type(error).__name__
    return None
