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
            if outcome.has_landed() and outcome.started_at and outcome.ended_at:
                minutes = (outcome.ended_at - outcome.started_at).total_seconds() / 60
                if minutes >= 0:  # a clock may have been set back
                    seen[entry.complexity or Complexity.MEDIUM].append(minutes)
    return Expectation(seen)
