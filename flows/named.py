"""What flows are told by name."""

from __future__ import annotations

from nightwork.travel import Source


def source_of(repo: str) -> Source:
    """Return where a repository is: a folder, or what `git clone` takes."""
    return Source(repo)
