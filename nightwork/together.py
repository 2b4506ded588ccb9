"""Which branches of a batch go together: what has to be merged to know, which of them keep the most, in which order.

Only the rules; git and the gates are asked by nightwork.stages.together, which keeps the record `Together`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import PurePosixPath

import networkx as nx
from pydantic import BaseModel, ConfigDict, Field

from nightwork.change import Change
from nightwork.gates.judgement import GateStatus

EXACT = 20  # branches that hang together by conflicts and stacks, up to which the best choice is searched for

Pair = tuple[str, str]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def some(names: Sequence[str], count: int | None = None) -> str:
    """Return the first three names and how many more there are of `count` (by default all that are given)."""
    more = (len(names) if count is None else count) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def place(files: Sequence[str], count: int | None = None) -> str:
    """Say in which files two commits conflict; git knows conflicts for which it names none."""
    return some(files, count) or "files that git does not name"


class Conflict(_Frozen):
    """Two tickets whose branches do not merge; `files` are the first of those in conflict, `count` is how many are."""

    tickets: Pair
    files: tuple[str, ...] = ()
    count: int = 0

    def place(self) -> str:
        """Say where the branches meet."""
        return place(self.files, self.count)

    def rival_of(self, ticket: str) -> str | None:
        """Return the other ticket; None when this conflict is not one of `ticket`'s."""
        one, other = self.tickets
        return {one: other, other: one}.get(ticket)


class LeftOut(_Frozen):
    """A branch that passed its own gates and is not in the combined tree."""

    ticket: str
    reason: str


class Culprit(_Frozen):
    """A branch with which the combined tree fails and without which it passes; `tests` are the first that fail."""

    ticket: str
    tests: tuple[str, ...] = ()
    detail: str = ""


class Together(_Frozen):
    """What came of merging the branches of a batch into one tree and running its tests.

    `commit` holds the branches in `order`, merged one by one onto `base`. Its status is `failed` when too many branches
    break it; `order` are then those that pass. An empty `key` means that it has to be done again.
    """

    key: str
    base: str
    commits: dict[str, str] = Field(default={}, description="the commits that were compared, by ticket")
    candidates: tuple[str, ...] = Field(default=(), description="those that passed their gates, in queue order")
    conflicts: tuple[Conflict, ...] = ()
    order: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    commit: str | None = None
    status: GateStatus = GateStatus.NOT_RUN
    detail: str = ""
    tests_passed: int = 0
    gate_runs: int = 0
    duration_s: float = 0.0

    def rivals_of(self, ticket: str, commit: str) -> tuple[str, ...]:
        """Return the tickets that conflict with this commit of a ticket; none when another commit was compared."""
        rivals = (conflict.rival_of(ticket) for conflict in self.conflicts)
        return tuple(rival for rival in rivals if rival) if self.commits.get(ticket) == commit else ()

    def summary(self) -> str:
        """Return how many go together and what their tests say, in one line."""
        if len(self.candidates) < 2:
            return "nothing to combine: fewer than two changes passed their gates"
        if not self.key:
            return f"not told: {self.detail}"
        kept = f"{len(self.order)} of {len(self.candidates)}"
        match self.status:
            case GateStatus.NOT_RUN:
                return f"{kept} merge cleanly; their tests did not run together: {self.detail}"
            case GateStatus.FAILED:
                return f"{kept} go together and pass {_tests(self.tests_passed)}; {self.detail}"
        flaky = f"; {self.detail}" if self.detail else ""
        return f"{kept} go together and pass {_tests(self.tests_passed)}{flaky}"


def _tests(count: int) -> str:
    return f"{count} test{'s' * (count != 1)}"


def unproven_pairs(changes: Sequence[Change]) -> list[tuple[Change, Change]]:
    """Return the pairs that have to be merged to know whether they conflict; all others provably do not."""
    near = _overlapping(changes)
    return [pair for pair in combinations(changes, 2) if not _is_provably_clean(*pair, near)]


def _is_provably_clean(one: Change, other: Change, near: Collection[frozenset[str]]) -> bool:
    if one.commit == other.parent or other.commit == one.parent:
        return True
    # Single commits on one origin: nothing else can be the merge base, so their files are what git compares.
    if not one.parent == one.origin == other.origin == other.parent:
        return False
    may_follow = (_removes(one) and _adds(other)) or (_removes(other) and _adds(one))
    return not may_follow and frozenset((one.ticket, other.ticket)) not in near


# Where one side removes and the other adds, git may see a folder renamed, and conflict over a file that is new in it.
def _removes(change: Change) -> bool:
    return any(file.status not in {"A", "C", "M", "T"} for file in change.files)


def _adds(change: Change) -> bool:
    return any(file.status not in {"D", "M", "T"} for file in change.files)


def _overlapping(changes: Sequence[Change]) -> set[frozenset[str]]:
    """Return the pairs of tickets that touch the same path, or a path and a folder above it."""
    owners: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        for file in change.files:
            for path in (file.path, file.old_path) if file.old_path else (file.path,):
                owners[path].add(change.ticket)
    groups = {(frozenset(tickets), frozenset(_owners_above(path, owners))) for path, tickets in owners.items()}
    return {frozenset(pair) for here, above in groups for pair in product(here, here | above)}


def _owners_above(path: str, owners: Mapping[str, set[str]]) -> Iterator[str]:
    for folder in PurePosixPath(path).parents:
        yield from owners.get(str(folder), ())


def merge_order(queue: Sequence[str], conflicts: Iterable[Pair], stacked_on: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the most branches of which no two conflict, each behind those that it stands on.

    `queue` says which come first where there is a choice; what stands on a branch outside of it is left out. Exact for
    up to `EXACT` branches that hang together; beyond, the branch that costs the fewest others is taken first.
    """
    return _Choice(queue, conflicts, stacked_on).order()


class _Choice:
    def __init__(
        self, queue: Sequence[str], conflicts: Iterable[Pair], stacked_on: Mapping[str, Sequence[str]]
    ) -> None:
        self.place = {name: number for number, name in enumerate(queue)}
        self.stacks: nx.DiGraph[str] = nx.DiGraph()
        self.stacks.add_nodes_from(queue)
        self.stacks.add_edges_from((below, name) for name in queue for below in stacked_on.get(name, ()))
        self.below = {name: nx.ancestors(self.stacks, name) | {name} for name in queue}
        self.above = {name: nx.descendants(self.stacks, name) | {name} for name in queue}
        self.conflicts: nx.Graph[str] = nx.Graph()
        self.conflicts.add_nodes_from(queue)
        self.conflicts.add_edges_from(pair for pair in conflicts if self.place.keys() >= set(pair))

    def order(self) -> list[str]:
        kept = self._kept()
        return list(nx.lexicographical_topological_sort(self.stacks.subgraph(kept), key=self.place.__getitem__))

    def _kept(self) -> set[str]:
        left = {name for name in self.place if self._is_possible(name)}
        linked: nx.Graph[str] = nx.compose(self.conflicts, self.stacks.to_undirected())
        kept: set[str] = set()
        while left:
            first = min(left, key=self.place.__getitem__)
            part = nx.node_connected_component(linked.subgraph(left), first)
            if len(part) <= EXACT:
                kept |= self._best(frozenset(part))
                left -= part
            else:
                taken, lost = min((self._taking(name, part) for name in sorted(part)), key=self._price)
                kept |= taken
                left -= taken | lost
        return kept

    def _is_possible(self, name: str) -> bool:
        below = self.below[name]
        return below <= self.place.keys() and not any(self.conflicts.has_edge(*pair) for pair in combinations(below, 2))

    def _best(self, part: frozenset[str]) -> frozenset[str]:
        """Return the best choice by trying the most contested branch once with and once without."""
        contested = max(part, key=lambda name: (len(self._rivals(name, part)), -self.place[name]), default=None)
        if contested is None or not self._rivals(contested, part):
            return part
        taken, lost = self._taking(contested, part)
        with_it = self._best(part - taken - lost) | taken
        without = self._best(part - self.above[contested])
        return max((with_it, without), key=self._worth)

    def _rivals(self, name: str, part: Collection[str]) -> set[str]:
        return {rival for rival in self.conflicts[name] if rival in part}

    def _taking(self, name: str, part: Collection[str]) -> tuple[set[str], set[str]]:
        """Return what is taken with a branch, and what is lost by it; both still open."""
        taken = self.below[name].intersection(part)
        lost = {above for each in taken for rival in self._rivals(each, part) for above in self.above[rival]}
        return taken, lost.intersection(part)

    def _price(self, choice: tuple[set[str], set[str]]) -> tuple[int, list[int]]:
        taken, lost = choice
        return len(lost) - len(taken), self._places(taken)

    def _worth(self, kept: Collection[str]) -> tuple[int, list[int]]:
        return len(kept), [-place for place in self._places(kept)]

    def _places(self, names: Collection[str]) -> list[int]:
        return sorted(self.place[name] for name in names)


def first_failing(passing: int, failing: int, passes: Callable[[int], bool]) -> int:
    """Return a length whose prefix fails while the one shorter by one passes, between two lengths known to do so.

    Asks at most log2(failing - passing) times, rounded up.
    """
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if passes(middle):
            passing = middle
        else:
            failing = middle
    return failing
