"""In which order modules are told: dependencies first, and inside a cycle the order that breaks the least weight.

Inside a strongly connected component the order is that of Eades, Lin and Smyth, "A fast and effective heuristic for the
feedback arc set problem" (1993), with weights, each module then moved to its best place while that gains anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import networkx as nx

Weights = Mapping[str, Mapping[str, int]]  # module -> what it needs -> weight
_PASSES = 8


def arrange(weights: Weights) -> tuple[list[str], list[list[str]]]:
    """Return all modules, dependencies first, and the groups of those that need each other, each group sorted."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(weights))
    graph.add_edges_from((need, name) for name in sorted(weights) for need in sorted(weights[name]))
    condensed = nx.condensation(graph)
    members = {number: sorted(condensed.nodes[number]["members"]) for number in condensed}
    order: list[str] = []
    for number in nx.lexicographical_topological_sort(condensed, key=lambda number: members[number][0]):
        group = members[number]
        order += group if len(group) == 1 else _within(group, weights)
    return order, sorted(group for group in members.values() if len(group) > 1)


def _within(group: Sequence[str], weights: Weights) -> list[str]:
    """Return the modules of one cycle so that little weight points from a module to one that comes later."""
    inside = set(group)
    needs = {name: {need: weight for need, weight in weights[name].items() if need in inside} for name in group}
    needed: dict[str, dict[str, int]] = {name: {} for name in group}
    for name, targets in needs.items():
        for need, weight in targets.items():
            needed[need][name] = weight
    return _sifted(_greedy(group, needs, needed), needs, needed)


def _greedy(group: Sequence[str], needs: Weights, needed: Weights) -> list[str]:
    """Take what needs nothing first, what nothing needs last, and else what is needed more than it needs."""
    needs_left = {name: sum(needs[name].values()) for name in group}
    needed_left = {name: sum(needed[name].values()) for name in group}
    open_, first, last = set(group), list[str](), list[str]()

    def take(name: str) -> None:
        open_.discard(name)
        for other, weight in needs[name].items():
            needed_left[other] -= weight
        for other, weight in needed[name].items():
            needs_left[other] -= weight

    while open_:
        free = [name for name in sorted(open_) if needs_left[name] == 0]
        final = [name for name in sorted(open_) if needed_left[name] == 0 and needs_left[name] != 0]
        chosen = free + final or [max(sorted(open_), key=lambda name: needed_left[name] - needs_left[name])]
        for name in chosen:
            take(name)
        first += free if free or final else chosen
        last += final
    return first + last[::-1]


def _sifted(order: list[str], needs: Weights, needed: Weights) -> list[str]:
    """Move each module to the place where it breaks least, until a pass changes nothing."""
    places = {name: place for place, name in enumerate(order)}
    for _ in range(_PASSES):
        is_moved = False
        for name in sorted(order):
            at = places[name]
            to = _best_place(at, _gains(places, needs[name], needed[name]))
            if to != at:
                order.insert(to, order.pop(at))
                places.update((order[place], place) for place in range(min(at, to), max(at, to) + 1))
                is_moved = True
        if not is_moved:
            break
    return order


def _gains(places: Mapping[str, int], needs: Mapping[str, int], needed: Mapping[str, int]) -> dict[int, int]:
    """Return what it is worth to a module to stand behind each of those that it has to do with, by their places."""
    return {places[other]: needs.get(other, 0) - needed.get(other, 0) for other in {*needs, *needed}}


def _best_place(at: int, gains: Mapping[int, int]) -> int:
    """Return where a module breaks least; its own place when no other is better."""
    best, best_gain = at, 0
    above = sorted((place for place in gains if place < at), reverse=True)
    below = sorted(place for place in gains if place > at)
    for step, places in ((-1, above), (1, below)):
        gain = 0
        for place in places:
            # Passing over another: an edge to it is broken on the way up and mended on the way down.
            gain += step * gains[place]
            if gain > best_gain:
                best, best_gain = place, gain
    return best


def broken(order: Iterable[str], weights: Weights) -> set[tuple[str, str]]:
    """Return the pairs (module, what it needs) of which the latter comes later."""
    place = {name: number for number, name in enumerate(order)}
    return {(name, need) for name, needs in weights.items() for need in needs if place[need] > place[name]}
