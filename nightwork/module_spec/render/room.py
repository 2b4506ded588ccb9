"""How long the lists of a spec may be; a spec that is too long is written again with less."""

from __future__ import annotations

from dataclasses import dataclass

MOST_LINES = 700


@dataclass(frozen=True)
class Room:
    """A share of what each list may have at most."""

    share: float = 1.0

    def __call__(self, most: int) -> int:
        """Return how many entries a list may have that has `most` in a spec of usual length."""
        return max(2, int(most * self.share))
