"""Where untrusted commands run: the port. This package alone starts processes that are not git.

A sandbox confines what an agent or a gate runs; its `name` stands in every report.
"""

from __future__ import annotations

from typing import Protocol

from nightwork.sandbox.run import Finished, Run
from nightwork.sandbox.unconfined import Unconfined

__all__ = ["Finished", "Run", "Sandbox", "Unconfined", "open_sandbox"]


class Sandbox(Protocol):
    """Runs commands that nobody vouches for."""

    name: str

    def run(self, run: Run) -> Finished:
        """Run a command to its end, its time limit or the wish to stop; what it started in its group ends with it."""


def open_sandbox() -> Sandbox:
    """Return the sandbox of this machine."""
    return Unconfined()
