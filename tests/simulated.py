"""Time that passes only when somebody sleeps."""

from __future__ import annotations

import threading


class Simulated:
    """A clock on which sleeping takes no time, for any number of threads."""

    def __init__(self) -> None:
        self.at = 1_000_000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.at += seconds
