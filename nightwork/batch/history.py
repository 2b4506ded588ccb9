"""How long the tickets of a repository have taken so far."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from nightwork.batch.find import batches
from nightwork.order import Expectation
from nightwork.ticket import Complexity

# Agents, models and the code change: what was long ago tells little.
NEWEST = 20


def expectation(repository: Path) -> Expectation:
    """Return what tickets of each complexity are expected to take, from those that landed in the newest batches."""
    seen: dict[Complexity, list[float]] = defaultdict(list)
    for batch in batches(repository)[-NEWEST:]:
        for entry, outcome in batch.entries():
            worked_s = outcome.worked_s() if outcome.has_landed() else None
            if worked_s is not None and worked_s >= 0:  # a clock may have been set back
                seen[entry.complexity or Complexity.MEDIUM].append(worked_s / 60)
    return Expectation(seen)
