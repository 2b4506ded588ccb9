"""The wish to stop, shared by everything in this process: a signal, a cancelled flow run, a person.

Nothing is cut off by force here: the engine starts nothing more, agents end after their turn, and the sandbox ends the
process trees of running commands.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from nightwork.errors import Stopped

_asked = threading.Event()
_signalled = threading.Event()
_by: list[str] = []
_signals: list[str] = []
_listening: list[Callable[[str], object]] = []


def request(by: str) -> None:
    """Ask everything in this process to end soon; `by` is shown as the reason."""
    _by.append(by)
    _asked.set()


@contextlib.contextmanager
def on_signals(tell: Callable[[str], object] = lambda _: None) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into the wish to stop; a second one ends the process at once.

    The wish ends with the outermost of these, so that it does not reach a later run of the same process.

    A task runner may take signals for itself, so whoever works for long listens anew; all who listen are told. Outside
    of the main thread, where Python delivers no signals, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _: object) -> None:
        name = signal.Signals(number).name
        _signals.append(name)
        if _signalled.is_set():  # a wish that came otherwise is no signal: a worker sends one of its own for it
            raise KeyboardInterrupt(name)
        _signalled.set()
        request(name)
        for each in _listening:
            each(name)

    _listening.append(tell)
    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        _listening.remove(tell)
        if not _listening:
            reset()


def reset() -> None:
    """Forget an earlier wish; for a process that runs several batches one after the other."""
    _by.clear()
    _asked.clear()
    _signalled.clear()


def is_requested() -> bool:
    """Say whether the run is to end."""
    return _asked.is_set()


def signals() -> tuple[str, ...]:
    """Return the names of the signals by which this process was asked to stop so far; `reset` does not forget them."""
    return tuple(_signals)


def wait(seconds: float) -> None:
    """Wait; raises Stopped as soon as the run is to end."""
    _asked.wait(seconds)
    check()


def check() -> None:
    """Raise Stopped when the run is to end."""
    if _asked.is_set():
        raise Stopped(f"stopped by {_by[0]}" if _by else "stopped")
