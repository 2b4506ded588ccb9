"""Where merge requests go: the port. Proposing is idempotent: one merge request an attempt, however often asked."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.forge.local import LocalForge
from nightwork.forge.merge_request import MergeRequest, MergeRequestState

__all__ = ["Forge", "LocalForge", "MergeRequest", "MergeRequestState", "open_forge"]


class Forge(Protocol):
    """A place that holds merge requests."""

    def propose(self, request: MergeRequest) -> str:
        """Open the merge request as a draft, or bring the existing one up to date; returns its path or URL."""

    def set_state(self, ticket: str, state: MergeRequestState) -> str:
        """Mark the merge request of a ticket; returns its path or URL."""


def open_forge(folder: Path) -> Forge:
    """Return the forge of a batch: files in its folder `merge_requests/`."""
    return LocalForge(folder / "merge_requests")
