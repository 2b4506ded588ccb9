"""The workers of this machine: each a process of Prefect that takes runs from the work pool and starts them."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence

from flows.control.data import POOL
from flows.control.server import Tell, reason
from flows.wiring.outages import OUTLASTING
from nightwork.control import Outliving, Room
from nightwork.errors import Infrastructure

_SETTLES_S = 1.0
_ENDS_WITHIN_S = 30.0
# Some take no notice of the first signal: seen in 2 of 4 idle workers (Prefect 3.8), the cause is not known.
_TOLD_AGAIN_AFTER_S = 15.0
_TOLD_AFTER_S = 30.0
_LEFT_AFTER_S = 300.0


def ensure(room: Room, number: int | None, url: str, variables: Mapping[str, str], tell: Tell) -> list[str]:
    """Make so many workers live, by default one, 0 being none; returns the names of those that were started.

    Raises Infrastructure when one ends at once.
    """
    living = {each.name for each in room.workers()}
    wanted = 1 if number is None else number
    if number is not None and len(living) > number:
        tell(f"{len(living)} workers live, more than {number}; `nightwork down` ends all of them")
    started = []
    for count in range(1, wanted + 1):
        worker = room.worker(count)
        if worker.name not in living:
            _start(worker, f"{socket.gethostname()}-{count}", url, variables)
            started.append(worker)
    deadline = time.monotonic() + _SETTLES_S
    while started and time.monotonic() < deadline:
        time.sleep(0.1)
    for worker in started:
        if worker.pid() is None:
            raise Infrastructure("a worker", f"ended at its start: {reason(worker)}")
    return [worker.name for worker in started]


def _start(worker: Outliving, name: str, url: str, variables: Mapping[str, str]) -> None:
    command = [sys.executable, "-P", "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    environment = {
        **variables,
        "PREFECT_API_URL": url,
        **OUTLASTING,
        "PREFECT_LOGGING_EXTRA_LOGGERS": "nightwork",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
    }
    worker.start([*command, "--name", name, "--install-policy", "never"], environment)


def end(workers: Sequence[Outliving], tell: Tell) -> bool:
    """End workers and the runs that they have started, which stop so that they can be resumed; says whether all ended.

    A run ends its agents' turns first: after half a minute it is told what still ends, after five it is left to itself.
    """
    began, is_told, asked = time.monotonic(), False, set[int]()
    patience_s, told_at = _LEFT_AFTER_S, -math.inf
    # A worker that is told to end kills its runs at once: they come first, those as well that it takes up meanwhile.
    while any(worker.pid() is not None for worker in workers):
        runs = {process_id for worker in workers for process_id in worker.children()}
        for process_id in runs - asked:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process_id, signal.SIGTERM)
        asked |= runs
        if not runs and time.monotonic() - told_at > _TOLD_AGAIN_AFTER_S:
            patience_s = min(patience_s, time.monotonic() - began + _ENDS_WITHIN_S)
            told_at = time.monotonic()
            for worker in workers:
                worker.signal(signal.SIGTERM)
        waited = time.monotonic() - began
        if runs and waited > _TOLD_AFTER_S and not is_told:
            is_told = True
            tell(f"{len(runs)} runs still end: each stops after the turn that its agents are at")
        if waited > patience_s:
            return False
        time.sleep(0.1)
    return True
