"""Where tickets come from: the port, and the choice of the tracker that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.errors import bad_input
from nightwork.tracker.folder import FolderTracker
from nightwork.tracker.found import Found

__all__ = ["Found", "Tracker", "open_tracker"]


class Tracker(Protocol):
    """A place that holds tickets."""

    def fetch(self) -> Found:
        """Read all tickets, in a stable order."""


def open_tracker(source: str, repository: Path) -> Tracker:
    """Return the tracker for `source`: a folder, relative to the repository unless absolute."""
    kind, separator, _ = source.partition(":")
    if separator and kind in {"github", "gitlab", "jira"}:
        raise bad_input(
            "tickets", f"{source!r}: no tracker {kind!r} in this version; name a folder of Markdown tickets"
        )
    return FolderTracker(repository / source)
