"""The server that is asked of runs: the one that is set, that of `nightwork up`, or a temporary one on its database.

A temporary one takes a while to start, so there is none where Prefect has kept nothing yet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

from flows.control import database
from flows.control.known import answers, use_server
from flows.control.temporary import serves, start_server
from nightwork.errors import Infrastructure
from nightwork.markdown import printable


@contextlib.contextmanager
def asked(tell: Callable[[str], object]) -> Iterator[SyncPrefectClient | None]:
    """Give a client of the server that knows the runs; None when there is none and none was kept.

    Raises Infrastructure when the server does not answer, or is lost on the way.
    """
    use_server()
    url = get_current_settings().api.url
    if url and not answers(url):
        raise Infrastructure("the Prefect server", f"{url} does not answer; start it, or unset PREFECT_API_URL")
    if not url and not serves():
        path = database.path()
        if path is not None and not path.exists():
            yield None
            return
        tell("no Prefect server runs: a temporary one starts to look at what was kept, about 10 s")
        start_server()
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 3}), get_client(sync_client=True) as client:
            yield client
    except (httpx.HTTPError, PrefectException) as error:
        raise Infrastructure("the Prefect server", printable(f"{type(error).__name__}: {error}")[:500]) from error
