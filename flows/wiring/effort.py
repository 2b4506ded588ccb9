"""What is told to the server besides the work: it cannot end the work that it tells of."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import httpx
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

# A client tries again after 2, 4 and 8 seconds, as long as a server takes to start anew: to wait longer for each report
# would hold up the tickets all through an outage.
_RETRIES = 3


@contextlib.contextmanager
def best_effort(logger: logging.Logger, what: str, retries: int = _RETRIES) -> Iterator[None]:
    """Log, after `what` is not done, why the server did not let the body come to its end, and go on."""
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: retries}):
            yield
    except (httpx.HTTPError, PrefectException, OSError) as error:
        told = str(error).partition(" - For more information")[0]  # which is about the status code, from a handbook
        logger.warning("%s: %s: %s", what, type(error).__name__, told)
