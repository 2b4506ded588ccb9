"""What may start, and what starts first: dependencies before dependents, then rank.

The rank of a ticket is its priority, then the expected minutes of the longest chain of work that hangs on it (mean
makespan 1.011 times the lower bound, against 1.184 by id: bench/scheduling.py). Among equals one goes first whose files
nobody works on: no lock, for most tickets that share a file do not conflict. Then the id.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from statistics import median

import networkx as nx

from nightwork.ticket import Complexity

# Medians of agent minutes; each counts as this many tickets beside those that a repository has seen.
_MINUTES = {Complexity.TRIVIAL: 3.0, Complexity.SMALL: 8.0, Complexity.MEDIUM: 15.0, Complexity.LARGE: 30.0}
_WEIGHT = 3
# Equals among which the files decide, and files of a ticket that are looked at: bounds, so that a pop stays cheap.
_TIES, _FILES = 32, 50


class Expectation:
    """How long tickets are expected to take; `seen` are the minutes that earlier ones took, by their complexity."""

    def __init__(self, seen: Mapping[Complexity, Sequence[float]] | None = None) -> None:
        seen = seen or {}
        self._minutes = {
            size: median([default] * _WEIGHT + [*seen.get(size, ())]) for size, default in _MINUTES.items()
        }

    def minutes(self, complexity: Complexity | None) -> float:
        """Return the expected minutes; a ticket that nobody estimated counts as medium."""
        return self._minutes[complexity or Complexity.MEDIUM]


@dataclass(frozen=True)
class Item:
    """One item of a batch: its dependencies within the batch, its rank (smaller starts first), the files it is about.

    `files` are paths or glob patterns.
    """

    id: str
    dependencies: tuple[str, ...] = ()
    rank: tuple[float, ...] = ()
    files: tuple[str, ...] = ()

    def shares_files(self, other: Item) -> bool:
        """Say whether both may be about one file."""
        return any(_may_meet(ours, theirs) for ours in self.files[:_FILES] for theirs in other.files[:_FILES])


def _may_meet(ours: str, theirs: str) -> bool:
    if ours == theirs or fnmatchcase(ours, theirs) or fnmatchcase(theirs, ours):
        return True
    first, second = (pattern.partition("*")[0] for pattern in (ours, theirs))
    return "*" in ours and "*" in theirs and (first.startswith(second) or second.startswith(first))


def with_ranks(items: Sequence[Item], minutes: Mapping[str, float]) -> list[Item]:
    """Return the items in dependency order, the longest chain of dependents (minutes) appended to each rank.

    What something urgent waits for is as urgent: an item takes the best rank among its dependents.
    """
    graph = _graph({item.id: item.dependencies for item in items})
    by_id = {item.id: item for item in items}
    chains: dict[str, float] = {}
    ranks: dict[str, tuple[float, ...]] = {}
    order = list(nx.lexicographical_topological_sort(graph))
    for name in reversed(order):
        after = list(graph.successors(name))
        chains[name] = minutes[name] + max((chains[other] for other in after), default=0.0)
        ranks[name] = min([by_id[name].rank, *(ranks[other] for other in after)])
    return [replace(by_id[name], rank=(*ranks[name], -chains[name])) for name in order]


def cycles(dependencies: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of ids that depend on each other, each sorted, groups sorted by their first."""
    graph = _graph(dependencies)
    loops = (sorted(group) for group in nx.strongly_connected_components(graph))
    return sorted(group for group in loops if len(group) > 1 or graph.has_edge(group[0], group[0]))


def _graph(dependencies: Mapping[str, Iterable[str]]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(dependencies)
    graph.add_edges_from((before, name) for name, befores in dependencies.items() for before in befores)
    return graph


class ReadyList:
    """The items whose dependencies are done, best rank first; linear in items and edges, whatever their number.

    `done` are items that count as done already. Raises ValueError for a dependency that is neither item nor done.
    """

    def __init__(self, items: Sequence[Item], done: Iterable[str] = ()) -> None:
        done = set(done)
        self._items = {item.id: item for item in items}
        self._open = {item.id: set(item.dependencies) - done for item in items}
        self._dependents: dict[str, list[str]] = {}
        self._heap: list[tuple[tuple[float, ...], str]] = []
        for item in items:
            for name in self._open[item.id]:
                if name not in self._items:
                    raise ValueError(f"{item.id!r} depends on {name!r}, which is not in the batch")
                self._dependents.setdefault(name, []).append(item.id)
            if not self._open[item.id]:
                heapq.heappush(self._heap, (item.rank, item.id))

    def pop(self, beside: Iterable[Item] = ()) -> Item | None:
        """Take the best item that may start now, `beside` those that run; None when there is none at the moment."""
        if not self._heap:
            return None
        running = list(beside)
        equals = [heapq.heappop(self._heap)]
        while running and self._heap and self._heap[0][0] == equals[0][0] and len(equals) < _TIES:
            equals.append(heapq.heappop(self._heap))
        chosen = min(equals, key=lambda entry: sum(self._items[entry[1]].shares_files(other) for other in running))
        for entry in equals:
            if entry is not chosen:
                heapq.heappush(self._heap, entry)
        return self._items[chosen[1]]

    def finish(self, name: str) -> None:
        """Note that `name` is done, which may make others ready."""
        for dependent in self._dependents.pop(name, ()):
            waits_for = self._open.get(dependent)
            if waits_for is None:
                continue
            waits_for.discard(name)
            if not waits_for:
                heapq.heappush(self._heap, (self._items[dependent].rank, dependent))

    def drop_dependents(self, name: str) -> list[tuple[str, str]]:
        """Give up everything that hangs on `name`; returns (dropped id, the dependency that kept it), nearest first."""
        dropped: list[tuple[str, str]] = []
        frontier = [name]
        for cause in frontier:
            for dependent in sorted(self._dependents.pop(cause, ())):
                if self._open.pop(dependent, None) is not None:
                    dropped.append((dependent, cause))
                    frontier.append(dependent)
        return dropped
