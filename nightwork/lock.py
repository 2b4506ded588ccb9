"""One run per repository at a time: a lock of the operating system, which a dead process cannot hold."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
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
from nightwork.markdown import one_line
from nightwork.sandbox import end_leftovers

logger = logging.getLogger("nightwork.lock")


@dataclass
class _Held:
    descriptor: int
    holders: int = 0


_held: dict[Path, _Held] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def hold(repository: Path, what: str, state: str = ".nightwork", *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the run lock of a repository's state folder; a stage inside a run that holds it shares it.

    What an earlier run has left running or half written is ended and removed first.

    Raises BadInput, naming the process and what it does, when another process still holds it after `patience_s`
    seconds, and Stopped when the wait is to end.
    """
    path = (repository / state / "run.lock").resolve()
    with stop.on_signals():
        _join(path, what, patience_s)
        try:
            yield
        finally:
            _leave(path)


def _join(path: Path, what: str, patience_s: float) -> None:
    begun, told = time.monotonic(), False
    while (holder := _try_to_join(path, what)) is not None:
        waited_s = time.monotonic() - begun
        if waited_s >= (patience_s if _is_alive(holder) else max(patience_s, _INHERITED_S)):
            raise bad_input(path, f"a run is under way: {holder}; wait for it, or stop it")
        if patience_s and not told:
            logger.info("waiting up to %.0f s for the run under way: %s", patience_s, holder)
            told = True
        stop.wait(min(max(0.02, waited_s / 10), _LONGEST_PAUSE_S))


def _try_to_join(path: Path, what: str) -> str | None:
    """Hold the lock once more; returns None, or who holds it instead."""
    with _guard:
        if path not in _held:
            make_ignored(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 4096, 0)
                os.close(descriptor)
                return one_line(holder.decode("utf-8", "replace"))
            _sign(descriptor, what)
            _held[path] = _Held(descriptor)
            end_leftovers(path.parent)
            for name in ("batches", "measurements", "running"):
                remove_unfinished(path.parent / name)
        _held[path].holders += 1
    return None


def _sign(descriptor: int, what: str) -> None:
    text = json.dumps({"pid": os.getpid(), "doing": what, "since": datetime.now(UTC).isoformat(timespec="seconds")})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode() + b"\n", 0)


def _leave(path: Path) -> None:
    with _guard:
        _held[path].holders -= 1
        if _held[path].holders == 0:
            os.close(_held.pop(path).descriptor)


_LONGEST_PAUSE_S = 0.5
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
