"""Where untrusted commands run: the port. This package alone starts processes that are not git.

A sandbox confines what an agent or a gate runs; its `name` stands in every report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.sandbox.bubblewrap import Bubblewrap
from nightwork.sandbox.confinement import DEFAULT, Confinement
from nightwork.sandbox.run import Finished, Run, named_files
from nightwork.sandbox.running import end_leftovers
from nightwork.sandbox.unconfined import Unconfined
from nightwork.sandbox.works import limits_held_by, works

__all__ = [
    "Bubblewrap",
    "Confinement",
    "Finished",
    "Run",
    "Sandbox",
    "Unconfined",
    "end_leftovers",
    "is_confined",
    "limits_held_by",
    "named_files",
    "open_sandbox",
    "why_unconfined",
]


class Sandbox(Protocol):
    """Runs commands that nobody vouches for."""

    name: str

    def run(self, run: Run) -> Finished:
        """Run a command to its end, its limits or the wish to stop; what it started ends with it."""

    def inside(self, run: Run) -> str:
        """Return where the command sees its folder: what it prints and reports speaks of files there."""


def open_sandbox(state_folder: Path, environment: Path | None = None, confinement: Confinement = DEFAULT) -> Sandbox:
    """Return the sandbox of this machine; it notes in `state_folder` what it runs, for `end_leftovers`.

    Everything that it runs sees `environment`, a prepared folder: its `bin` stands first on the search path and
    NIGHTWORK_ENVIRONMENT names it.
    """
    if is_confined(confinement):
        return Bubblewrap(state_folder, environment, confinement, works().options)
    return Unconfined(state_folder / "running", environment)


def is_confined(confinement: Confinement) -> bool:
    """Say whether commands are confined: it is asked for, and works here."""
    return why_unconfined(confinement) is None


def why_unconfined(confinement: Confinement) -> str | None:
    """Say why commands are not confined, and what to do; None when they are."""
    return works().problem if confinement.confine else "the sandbox is turned off (sandbox.confine, --no-sandbox)"
