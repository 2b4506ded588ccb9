"""Where the time of a ticket goes: seconds in the parts of the library that wait for git, commands and the disk."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from bench.timed import Label, timed
from nightwork import checkpoint, records
from nightwork.agent import trajectory
from nightwork.sandbox import Unconfined
from nightwork.workspace.git import Git

WORKTREES, OTHER_GIT = "git, worktree", "git, all else"
COMMANDS = "commands of the agent"
TURNS, RECORDS = "turns, flushed one by one", "records, flushed"


@contextlib.contextmanager
def taken() -> Iterator[dict[str, float]]:
    """Add up the seconds of each part while it is open; parts do not hold each other, so their sum is no more than all.

    For one ticket at a time: what runs at the same time would wait for each other and count twice.
    """
    seconds: defaultdict[str, float] = defaultdict(float)
    with contextlib.ExitStack() as stack:
        for owner, name, label in _PARTS:
            stack.enter_context(timed(owner, name, label, seconds))
        yield seconds


def _git_part(_: Git, command: str, *__: str) -> str:
    return WORKTREES if command == "worktree" else OTHER_GIT


_PARTS: tuple[tuple[Any, str, Label], ...] = (
    (Git, "status", _git_part),
    (Unconfined, "run", lambda *_: COMMANDS),
    (trajectory, "append_record", lambda *_: TURNS),
    (records, "write_atomically", lambda *_: RECORDS),
    (checkpoint, "write_atomically", lambda *_: RECORDS),
)
