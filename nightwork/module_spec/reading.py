"""Reads source files in helper processes: on all cores, and so that no file can take the others with it."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from nightwork import stop
from nightwork.module_spec.language import language_of
from nightwork.module_spec.parsing import answer, unread
from nightwork.module_spec.skeleton import Skeleton
from nightwork.sandbox.helpers import Helper

# A second process costs its start, which is what parsing so much takes.
_BYTES_A_PROCESS = 400_000
_AHEAD = 3
_POLL_S = 0.2
SECONDS_A_FILE = 60


def read_all(
    root: Path, paths: Sequence[str], processes: int | None = None, seconds: int = SECONDS_A_FILE
) -> dict[str, Skeleton]:
    """Return the skeletons of source files below `root`, in the order of their paths; nothing of them is run.

    `processes`: as many as there are cores when that is worth it. A file that cannot be read, that ends the process
    which parses it, or that takes more than `seconds`, has a skeleton with an error. Raises Stopped when the run is to
    stop, and Infrastructure when no process can be started. Paths of languages that are not known are left out.
    """
    root = root.absolute()  # a helper has a working folder of its own
    sizes = {path: _size(root, path) for path in paths if language_of(path)}
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), 1 + sum(sizes.values()) // _BYTES_A_PROCESS)
    waiting = deque(sorted(sizes, key=lambda path: (-sizes[path], path)))
    found = _Reading(root, waiting, seconds).with_helpers(min(processes, len(waiting)))
    return {path: found[path] for path in sorted(sizes)}


def _size(root: Path, path: str) -> int:
    with contextlib.suppress(OSError):
        return os.lstat(os.path.join(root, path)).st_size  # noqa: PTH118
    return 0


class _Reading:
    def __init__(self, root: Path, waiting: deque[str], seconds: int) -> None:
        self._root = root
        self._waiting = waiting
        self._seconds = seconds
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
                            key.data.end()
                            helpers.discard(key.data)
                            if self._waiting:
                                helpers.add(self._started(selector))
                    stop.check()
        finally:
            for helper in helpers:
                helper.end()
        return self._found

    def _started(self, selector: selectors.BaseSelector) -> Helper:
        helper = Helper(answer.__module__, answer.__name__, self._seconds)
        selector.register(helper, selectors.EVENT_READ, helper)
        self._feed(helper)
        return helper

    def _goes_on(self, helper: Helper) -> bool:
        """Take what a helper has to say; says whether it is still at work."""
        answers = helper.answers()
        if answers is None:
            self._blame(helper)
            return False
        for request, skeleton in answers:
            self._found[_path(request)] = pickle.loads(skeleton)
        self._feed(helper)
        return bool(helper.asked)

    def _feed(self, helper: Helper) -> None:
        while self._waiting and len(helper.asked) < _AHEAD:
            helper.ask(os.fsencode(f"{self._root}\0{self._waiting.popleft()}"))

    def _blame(self, helper: Helper) -> None:
        """Give up the file that a process died of; it had not begun with the ones behind it."""
        path, *rest = map(_path, helper.asked)
        self._found[path] = unread(self._root, path, f"could not be parsed: the parser {helper.end()}")
        self._waiting.extendleft(reversed(rest))


def _path(request: bytes) -> str:
    return os.fsdecode(request).partition("\0")[2]
