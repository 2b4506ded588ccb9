"""Work on both halves of a list at once, the second one in a fork of this process: nothing is started or sent over.

Only a process without other threads is forked: a lock that one of them holds would stay locked in the fork for ever.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# Fewer are done before a fork has begun.
_WORTH = 100


def mapped(work: Callable[[T], str], items: Sequence[T]) -> list[str]:
    """Return what `work` makes of each item, in their order; it must change nothing that its caller looks at.

    What the fork was to do is done here when it dies.
    """
    if len(items) < _WORTH or threading.active_count() > 1 or len(os.sched_getaffinity(0)) < 2:
        return [work(item) for item in items]
    done: list[str] = [""] * len(items)
    with _Fork(lambda: [work(item) for item in items[1::2]]) as fork:
        done[::2] = [work(item) for item in items[::2]]
        theirs = fork.answer()
    done[1::2] = theirs if theirs is not None else [work(item) for item in items[1::2]]
    return done


class _Fork:
    """A fork that does one thing and tells what came of it."""

    def __init__(self, work: Callable[[], list[str]]) -> None:
        self._pipe, theirs = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            code = 1
            try:
                os.close(self._pipe)
                with os.fdopen(theirs, "wb") as pipe:
                    pickle.dump(work(), pipe, pickle.HIGHEST_PROTOCOL)
                code = 0
            finally:
                os._exit(code)
        os.close(theirs)
        self._data = b""
        self._reader = threading.Thread(target=self._read)  # a pipe that is full would stop it
        self._reader.start()

    def __enter__(self) -> _Fork:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self._reader.join()
        os.waitpid(self._process, 0)

    def answer(self) -> list[str] | None:
        """Return what came of it; None when it died before it could tell."""
        self._reader.join()
        try:
            found: list[str] = pickle.loads(self._data)
        except (EOFError, pickle.UnpicklingError):
            return None
        return found

    def _read(self) -> None:
        with os.fdopen(self._pipe, "rb") as pipe:
            self._data = pipe.read()
