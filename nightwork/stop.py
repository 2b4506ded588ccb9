"""The wish to stop, shared by everything in this process: a signal, a cancelled flow run, a person.

Nothing is cut off by force here: the engine starts nothing more, agents end after their turn, and the sandbox ends the
process trees of running commands.
"""

from __future__ import annotations

import threading

from nightwork.errors import Stopped

_asked = threading.Event()
_by: list[str] = []


def request(by: str) -> None:
    """Ask everything in this process to end soon; `by` is shown as the reason."""
    _by.append(by)
    _asked.set()


def reset() -> None:
    """Forget an earlier wish; for a process that runs several batches one after the other."""
    _by.clear()
    _asked.clear()


def is_requested() -> bool:
    """Say whether the run is to end."""
    return _asked.is_set()


def check() -> None:
    """Raise Stopped when the run is to end."""
    if _asked.is_set():
        raise Stopped(f"stopped by {_by[0]}" if _by else "stopped")


def wait(seconds: float) -> None:
    """Sleep, and raise Stopped as soon as the run is to end."""
    _asked.wait(seconds)
    check()
