"""One run per repository at a time: a lock of the operating system, which a dead process cannot hold."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nightwork import stop
from nightwork.errors import bad_input
from nightwork.files import make_ignored, remove_unfinished
from nightwork.sandbox import end_leftovers


@dataclass
class _Held:
    descriptor: int
    holders: int = 0


_held: dict[Path, _Held] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def hold(repository: Path, what: str, state: str = ".nightwork") -> Iterator[None]:
    """Hold the run lock of a repository's state folder; a stage inside a run that holds it shares it.

    What an earlier run has left running or half written is ended and removed first.

    Raises BadInput, naming the process and what it does, while another process holds it.
    """
    path = (repository / state / "run.lock").resolve()
    with _guard:
        if path not in _held:
            make_ignored(path.parent)
            _held[path] = _Held(_acquire(path, what))
            end_leftovers(path.parent)
            for name in ("batches", "measurements", "running"):
                remove_unfinished(path.parent / name)
        _held[path].holders += 1
    try:
        with stop.on_signals():
            yield
    finally:
        with _guard:
            _held[path].holders -= 1
            if _held[path].holders == 0:
                os.close(_held.pop(path).descriptor)


def _acquire(path: Path, what: str) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + _INHERITED_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()
            if _is_alive(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise bad_input(path, f"a run is under way: {holder}; wait for it, or stop it") from None
            time.sleep(0.02)
    text = json.dumps({"pid": os.getpid(), "doing": what, "since": datetime.now(UTC).isoformat(timespec="seconds")})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode() + b"\n", 0)
    return descriptor


# A process that was being started when its parent was killed holds the lock until it becomes another program.
_INHERITED_S = 5.0


def _is_alive(holder: str) -> bool:
    """Say whether the process that wrote `holder` lives; what cannot be told counts as alive."""
    try:
        os.kill(int(json.loads(holder)["pid"]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, KeyError, TypeError, PermissionError):
        return True
    return True
