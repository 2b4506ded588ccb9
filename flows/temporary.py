"""The temporary Prefect server of a run for which none is set, out of reach of the terminal's Ctrl-C.

A terminal sends SIGINT to every process of its foreground group. A server that ended by it would leave the run, which
has still to tell what became of everything, to wait minutes for an answer.
"""

from __future__ import annotations

import signal
import threading

import httpx
from prefect.server.api.server import SubprocessASGIServer

from nightwork.errors import Infrastructure


def start_server() -> None:
    """Start the server that Prefect would start by itself later, and which it ends with this process.

    Raises Infrastructure when it does not come up. May be interrupted at any time.
    """
    failed: list[Exception] = []
    thread = threading.Thread(target=_start, args=(failed,), daemon=True, name="temporary server")
    thread.start()
    thread.join()
    for error in failed:
        raise Infrastructure("the temporary Prefect server", f"{error}; try again, or set PREFECT_API_URL") from error


def _start(failed: list[Exception]) -> None:
    """Start it from a thread that takes no SIGINT: a new process takes over what its thread holds back."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        SubprocessASGIServer().start()
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        failed.append(error)
