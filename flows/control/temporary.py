"""The temporary Prefect server of a run for which none is set: it imports nothing of the folder in which it starts.

It is out of reach of the terminal's Ctrl-C, too: a terminal sends SIGINT to every process of its foreground group, and
a run whose server had ended by it would wait minutes for an answer before it could tell what became of everything.
"""

from __future__ import annotations

import contextvars
import os
import signal
import threading

import httpx
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings

from flows.control import database
from nightwork.errors import Infrastructure

# `python -m uvicorn` would look for every module in the working folder first, which is often the code that is read.
_SAFE_PATH = "PYTHONSAFEPATH"


def serves() -> bool:
    """Say whether this process has started one already."""
    return SubprocessASGIServer().running


def start_server() -> None:
    """Start the server that Prefect would start by itself later, and which it ends with this process.

    Raises Infrastructure when it does not come up. May be interrupted at any time.
    """
    failed: list[Exception] = []
    address = database.patient()
    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: address} if address else {}):
        settings = contextvars.copy_context()
    thread = threading.Thread(target=settings.run, args=(_start, failed), daemon=True, name="temporary server")
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        thread.start()
        thread.join()
    finally:
        os.environ.pop(_SAFE_PATH)
        os.environ.update({_SAFE_PATH: before} if before is not None else {})
    for error in failed:
        raise Infrastructure("the temporary Prefect server", f"{error}; try again, or set PREFECT_API_URL") from error


def _start(failed: list[Exception]) -> None:
    """Start it from a thread that takes no SIGINT: a new process takes over what its thread holds back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        SubprocessASGIServer().start()
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        failed.append(error)
