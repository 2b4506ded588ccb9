"""Where untrusted commands run: the port. This package alone starts processes that are not git.

A sandbox confines what an agent or a gate runs; its `name` stands in every report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.sandbox.run import Finished, Run
from nightwork.sandbox.running import end_leftovers
from nightwork.sandbox.unconfined import Unconfined

__all__ = ["Finished", "Run", "Sandbox", "Unconfined", "end_leftovers", "open_sandbox"]


class Sandbox(Protocol):
    """Runs commands that nobody vouches for."""

    name: str

    def run(self, run: Run) -> Finished:
        """Run a command to its end, its time limit or the wish to stop; what it started in its group ends with it."""


def open_sandbox(state_folder: Path, environment: Path | None = None) -> Sandbox:
    """Return the sandbox of this machine; it notes in `state_folder` what it runs, for `end_leftovers`.

    Everything that it runs sees `environment`, a prepared folder: its `bin` stands first on the search path and
    NIGHTWORK_ENVIRONMENT names it.
    """
    return Unconfined(state_folder / "running", environment)
