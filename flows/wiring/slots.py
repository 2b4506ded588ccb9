"""Slots of a provider for all workers of a server: global concurrency limits named `agents-<provider>`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import httpx
from prefect import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound

from nightwork import stop

logger = logging.getLogger("nightwork.slots")
_LOOK_AGAIN_S = 10.0


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

    Raises Stopped when the run is to end before there was one.
    """
    is_told = False
    with contextlib.ExitStack() as held:
        while limit is not None:
            stop.check()
            try:
                held.enter_context(concurrency(limit, timeout_seconds=_LOOK_AGAIN_S))
                break
            except TimeoutError:
                if not is_told:
                    logger.info("all slots of %s are taken; waiting for one", limit)
                is_told = True
        yield
