"""Work on both halves of a list at once, the second one in a fork of this process: nothing is started or sent over.

Only a process without other threads is forked: a lock that one of them holds would stay locked in the fork for ever.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Fewer are done before a fork has begun.
_WORTH = 100
# Of nine items the fork does these: it begins later, and has to tell what came of them.
_THEIRS = frozenset({1, 3, 5, 7})


def is_worth_it(count: int) -> bool:
    """Say whether so many items are done sooner on two cores, and this process may be forked."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1  # where forks are not safe either
    return count >= _WORTH and threading.active_count() == 1 and cores > 1


def mapped(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return what `work` makes of each item, in their order; what it changes in memory may be lost.

    What the fork was to do is done here when it dies, so `work` may be done twice.
    """
    if not is_worth_it(len(items)):
        return [work(item) for item in items]
    parent = os.getpid()
    theirs = [place for place in range(len(items)) if place % 9 in _THEIRS]
    ours = [place for place in range(len(items)) if place % 9 not in _THEIRS]
    with _Fork(lambda: [work(items[place]) for place in _while_wanted(theirs, parent)]) as fork:
        done = {place: work(items[place]) for place in ours}
        answer = fork.answer()
    if answer is None:
        answer = [work(items[place]) for place in theirs]
    done |= zip(theirs, answer, strict=True)
    return [done[place] for place in range(len(items))]


def _while_wanted(items: Sequence[int], parent: int) -> Iterator[int]:
    """Yield items until the parent is gone: the fork holds its locks, and nobody is left who could end it."""
    return takewhile(lambda _: os.getppid() == parent, items)


class _Fork(Generic[R]):
    """A fork that does one thing and tells what came of it."""

    def __init__(self, work: Callable[[], list[R]]) -> None:
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

    def __enter__(self) -> _Fork[R]:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self._reader.join()
        os.waitpid(self._process, 0)

    def answer(self) -> list[R] | None:
        """Return what came of it; None when it died before it could tell."""
        self._reader.join()
        try:
            found: list[R] = pickle.loads(self._data)
        except (EOFError, pickle.UnpicklingError):
            return None
        return found

    def _read(self) -> None:
        with os.fdopen(self._pipe, "rb") as pipe:
            self._data = pipe.read()
