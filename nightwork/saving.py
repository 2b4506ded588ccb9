"""How often the checkpoint is saved: after each module that was paid for, and else at a fixed share of the time.

A spec made from the syntax tree alone is its own record: a run that goes on reads its key and leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from nightwork.checkpoint import BatchState, save_checkpoint
from nightwork.outcome import Outcome, Reason, Status

_SHARE = 0.01


class Saving:
    """Saves one state under one path; `fail` is told what every further module comes to when that cannot be done."""

    def __init__(
        self,
        state: BatchState,
        path: Path,
        fail: Callable[[Outcome], object],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._state = state
        self._path = path
        self._fail = fail
        self._clock = clock
        self._next = 0.0

    def after(self, is_paid: bool) -> None:
        """Save after a module, when it was paid for or enough time has passed."""
        if is_paid or self._clock() >= self._next:
            self.now()

    def now(self) -> None:
        """Save."""
        began = self._clock()
        try:
            save_checkpoint(self._state, self._path)
        except OSError as error:
            message = f"the checkpoint cannot be saved: {error}; make room, then run again"
            self._fail(Outcome(status=Status.ABORTED, reason=Reason.INFRASTRUCTURE, message=message))
        ended = self._clock()
        self._next = ended + (ended - began) / _SHARE
