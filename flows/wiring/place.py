"""Where a flow works: the repository that it is told, as a working copy on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flows.wiring.named import source_of
from flows.wiring.runs import patience_s
from nightwork import travel


@contextlib.contextmanager
def working_copy(repo: str, what: str) -> Iterator[str]:
    """Hold a repository for a run and yield its root; a run of a deployment waits for the one before it."""
    with travel.visit(source_of(repo), what, patience_s=patience_s()) as root:
        yield str(root)


@contextlib.contextmanager
def looked_at(repo: str) -> Iterator[str]:
    """Yield the root of a repository for what does not hold up its runs: the queue, decisions, answers."""
    with travel.glance(source_of(repo)) as root:
        yield str(root)
