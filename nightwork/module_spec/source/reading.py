"""Reads source files in helper processes: on all cores, and so that no file can take the others with it."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nightwork import stop
from nightwork.module_spec.source.language import language_of
from nightwork.module_spec.source.parsing import answer, unread
from nightwork.module_spec.source.skeleton import Skeleton
from nightwork.sandbox.helpers import Helper

# A second process costs its start, which is what parsing so much takes.
_BYTES_A_PROCESS = 400_000
_AHEAD = 2
_BATCH_BYTES = 100_000
_COST_OF_A_CHARACTER = 16  # so that the paths of what is asked ahead always fit into a pipe
_POLL_S = 0.2
SECONDS_A_FILE = 60


@contextlib.contextmanager
def helpers_begun() -> Iterator[list[Helper]]:
    """Start a helper for each core, for `read_all`: they are ready when the files are found."""
    begun = [_helper(SECONDS_A_FILE) for _ in range(_cores())]
    try:
        yield list(begun)
    finally:
        for helper in begun:
            helper.end()


def _helper(seconds: int) -> Helper:
    return Helper(answer.__module__, answer.__name__, seconds)


def read_all(
    root: Path,
    paths: Sequence[str],
    processes: int | None = None,
    seconds: int = SECONDS_A_FILE,
    begun: Sequence[Helper] = (),
) -> dict[str, Skeleton]:
    """Return the skeletons of source files below `root`, in the order of their paths; nothing of them is run.

    `processes`: as many as there are cores when that is worth it; those that have `begun` are used first. A file that
    cannot be read, that ends the process which parses it, or that takes more than `seconds`, has a skeleton with an
    error. Raises Stopped when the run is to stop, and Infrastructure when no process can be started. Paths of languages
    that are not known are left out.
    """
    root = root.absolute()  # a helper has a working folder of its own
    sizes = {path: _size(root, path) for path in paths if language_of(path)}
    if processes is None:
        processes = min(_cores(), 1 + sum(sizes.values()) // _BYTES_A_PROCESS)
    waiting = deque(_batches(sizes))
    found = _Reading(root, waiting, seconds, list(begun)).with_helpers(min(processes, len(waiting)))
    return {path: found[path] for path in sorted(sizes)}


def _batches(sizes: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Yield the files that are read in one go, the largest first: a large one alone, small ones together."""
    batch: list[str] = []
    room = _BATCH_BYTES
    for path in sorted(sizes, key=lambda path: (-sizes[path], path)):
        cost = sizes[path] + _COST_OF_A_CHARACTER * len(path)
        if batch and cost > room:
            yield tuple(batch)
            batch, room = [], _BATCH_BYTES
        batch.append(path)
        room -= cost
    if batch:
        yield tuple(batch)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size(root: Path, path: str) -> int:
    with contextlib.suppress(OSError):
        return os.lstat(os.path.join(root, path)).st_size  # noqa: PTH118
    return 0


class _Reading:
    def __init__(self, root: Path, waiting: deque[tuple[str, ...]], seconds: int, begun: list[Helper]) -> None:
        self._root = root
        self._waiting = waiting
        self._seconds = seconds
        self._begun = begun
        self._found: dict[str, Skeleton] = {}

    def with_helpers(self, number: int) -> dict[str, Skeleton]:
        helpers: set[Helper] = set()
        try:
            with selectors.DefaultSelector() as selector:
                for _ in range(number):
                    helpers.add(self._started(selector))
                while helpers:
                    for key, _ in selector.select(_POLL_S):
                        if not self._goes_on(key.data):
                            selector.unregister(key.data)
                            helpers.discard(key.data)
                            self._end(key.data)
                            if self._waiting:
                                helpers.add(self._started(selector))
                    stop.check()
        finally:
            for helper in helpers:
                helper.end()
        return self._found

    def _started(self, selector: selectors.BaseSelector) -> Helper:
        helper = self._begun.pop() if self._begun else _helper(self._seconds)
        selector.register(helper, selectors.EVENT_READ, helper)
        self._feed(helper)
        return helper

    def _goes_on(self, helper: Helper) -> bool:
        """Take what a helper has to say; says whether it is still at work."""
        answers = helper.answers()
        if answers is None:
            return False
        for _, skeletons in answers:
            self._found |= {skeleton.path: skeleton for skeleton in pickle.loads(skeletons)}
        self._feed(helper)
        return bool(helper.asked)

    def _feed(self, helper: Helper) -> None:
        while self._waiting and len(helper.asked) < _AHEAD:
            helper.ask(os.fsencode("\0".join((str(self._root), *self._waiting.popleft()))))

    def _end(self, helper: Helper) -> None:
        """Give up the file that a process died of, or find it out; it had not begun with the requests behind it."""
        why = helper.end()
        requests = [tuple(os.fsdecode(request).split("\0")[1:]) for request in helper.asked]
        if requests and len(requests[0]) == 1:
            (path,) = requests.pop(0)
            self._found[path] = unread(str(self._root), path, f"could not be parsed: the parser {why}")
        elif requests:
            requests[:1] = [(path,) for path in requests[0]]
        self._waiting.extendleft(reversed(requests))
