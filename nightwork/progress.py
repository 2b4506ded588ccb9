"""What a batch tells while it runs: the contract's lines, as log records that a terminal or the Prefect UI shows.

`[3/50] Processing src/auth...` at a start, `[3/50] src/auth: completed` at an end. Each record carries its `Event` as
the attribute `progress`, from which the terminal draws its live table.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nightwork.markdown import one_line
from nightwork.outcome import Outcome, Status

logger = logging.getLogger("nightwork.progress")


@dataclass(frozen=True)
class Event:
    """One change of one item: its number among `total`, and its outcome so far."""

    item: str
    number: int
    total: int
    outcome: Outcome


class ProgressReporter(Protocol):
    """The contract's reporter (batch-module-contract.md, "progress-reporter")."""

    def start(self, item: str) -> None:
        """Tell that work on an item begins."""

    def complete(self, item: str, outcome: Outcome) -> None:
        """Tell how an item ended."""

    def finish(self) -> dict[str, int]:
        """Tell the totals; returns the counts by status."""


class LogReporter:
    """Reports through the logger `nightwork.progress`; may be called from several threads."""

    def __init__(self, total: int, done: int = 0, on_event: Callable[[Event], object] = lambda _: None) -> None:
        self._total = total
        self._on_event = on_event
        self._done = done
        self._numbers: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def start(self, item: str) -> None:
        """Tell that work on an item begins."""
        self._tell(item, Outcome(status=Status.RUNNING), f"Processing {item}...")

    def complete(self, item: str, outcome: Outcome) -> None:
        """Tell how an item ended."""
        self._counts[outcome.status] += 1
        text = f"{item}: {outcome.verdict or outcome.label()}"
        self._tell(item, outcome, f"{text}: {outcome.message}" if outcome.message else text)

    def finish(self) -> dict[str, int]:
        """Tell the totals; returns the counts by status."""
        told = ", ".join(f"{count} {status}" for status, count in sorted(self._counts.items()))
        logger.info("%d of %d: %s", self._done + sum(self._counts.values()), self._total, told or "nothing to do")
        return dict(self._counts)

    def _tell(self, item: str, outcome: Outcome, text: str) -> None:
        with self._lock:
            number = self._numbers.setdefault(item, self._done + len(self._numbers) + 1)
            self._total = max(self._total, number)
        event = Event(item, number, self._total, outcome)
        logger.info("[%d/%d] %s", number, self._total, one_line(text), extra={"progress": event})
        self._on_event(event)


def create_reporter(
    total: int, done: int = 0, on_event: Callable[[Event], object] = lambda _: None
) -> ProgressReporter:
    """Return the reporter of a batch of `total` items, `done` of which were settled by an earlier run.

    A total that was told too low grows with what begins. `on_event` is told of each begin and end too.
    """
    return LogReporter(total, done, on_event)
