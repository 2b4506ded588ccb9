"""What is told to the server besides the work: it cannot end the work that it tells of."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import httpx
from prefect.exceptions import PrefectException


@contextlib.contextmanager
def best_effort(logger: logging.Logger, what: str) -> Iterator[None]:
    """Log, after `what` is not done, why the server did not let the body come to its end, and go on."""
    try:
        yield
    except (httpx.HTTPError, PrefectException, OSError) as error:
        logger.warning("%s: %s: %s", what, type(error).__name__, error)
