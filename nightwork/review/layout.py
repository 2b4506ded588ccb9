"""Where the boxes and arrows of a graph stand: columns by dependency layer, left to right, in pixels.

Sugiyama's method in its plain form: layers, places for the arrows that pass a layer, and the order of each layer by the
mean of its neighbours. What does not hang together stands side by side, in rows of a bounded width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

BOX_WIDTH, BOX_HEIGHT = 144, 42
_GAP, _BETWEEN, _BESIDE, _EDGE = 12, 40, 34, 2
_PASSING = 10  # the height of an arrow that passes a layer
_ROW_WIDTH = 900
_SWEEPS = 4

Point = tuple[float, float]
Stop = str | tuple[str, str, int]  # a ticket, or where the arrow between two tickets passes a layer


@dataclass(frozen=True)
class Drawing:
    """Upper left corners of the boxes, and the points through which each arrow goes, its head last."""

    width: float
    height: float
    boxes: Mapping[str, Point]
    arrows: Sequence[Sequence[Point]]

    def moved(self, x: float, y: float) -> Drawing:
        """Return the same drawing elsewhere."""
        boxes = {name: (left + x, top + y) for name, (left, top) in self.boxes.items()}
        return Drawing(self.width, self.height, boxes, [[(a + x, b + y) for a, b in arrow] for arrow in self.arrows])


def lay_out(graph: nx.DiGraph[str]) -> Drawing:
    """Return the drawing of an acyclic graph; an arrow that others imply is left out."""
    reduced = nx.transitive_reduction(graph)
    groups = sorted(nx.weakly_connected_components(reduced), key=lambda group: (-len(group), min(group)))
    placed = list(_side_by_side(_group(reduced.subgraph(group)) for group in groups))
    return Drawing(
        width=max((left + each.width for each, left, _ in placed), default=0.0) + _EDGE,
        height=max((top + each.height for each, _, top in placed), default=0.0) + _EDGE,
        boxes={name: place for each, x, y in placed for name, place in each.moved(x, y).boxes.items()},
        arrows=[arrow for each, x, y in placed for arrow in each.moved(x, y).arrows],
    )


def _side_by_side(drawings: Iterable[Drawing]) -> Iterator[tuple[Drawing, float, float]]:
    """Yield each drawing with its place, in rows."""
    left, top, tallest = float(_EDGE), float(_EDGE), 0.0
    for each in drawings:
        if left > _EDGE and left + each.width > _ROW_WIDTH:
            left, top, tallest = _EDGE, top + tallest + _BESIDE, 0.0
        yield each, left, top
        left, tallest = left + each.width + _BESIDE, max(tallest, each.height)


def _group(graph: nx.DiGraph[str]) -> Drawing:
    """Draw tickets that hang together."""
    layer = {name: number for number, names in enumerate(nx.topological_generations(graph)) for name in names}
    ways = [_way(start, end, layer) for start, end in sorted(graph.edges)]
    columns = _ordered(_columns(layer, ways), ways)
    tall = max(_height(column) for column in columns)
    places: dict[Stop, Point] = {}
    for number, column in enumerate(columns):
        top = (tall - _height(column)) / 2
        for stop in column:
            places[stop] = (number * (BOX_WIDTH + _BETWEEN), top)
            top += _tall(stop) + _GAP
    width = len(columns) * (BOX_WIDTH + _BETWEEN) - _BETWEEN
    boxes = {stop: place for stop, place in places.items() if isinstance(stop, str)}
    return Drawing(width, tall, boxes, [list(_points(way, places)) for way in ways])


def _way(start: str, end: str, layer: Mapping[str, int]) -> list[Stop]:
    """Return where an arrow goes, layer by layer."""
    passed = range(layer[start] + 1, layer[end])
    return [start, *((start, end, number) for number in passed), end]


def _columns(layer: Mapping[str, int], ways: Iterable[Sequence[Stop]]) -> list[list[Stop]]:
    columns: list[list[Stop]] = [[] for _ in range(max(layer.values()) + 1)]
    for name in sorted(layer):
        columns[layer[name]].append(name)
    for way in ways:
        for stop in way[1:-1]:
            columns[stop[2] if isinstance(stop, tuple) else 0].append(stop)
    return columns


def _ordered(columns: list[list[Stop]], ways: Iterable[Sequence[Stop]]) -> list[list[Stop]]:
    """Order each column by the mean place of what it hangs on, from the left and from the right in turn."""
    before: dict[Stop, list[Stop]] = {stop: [] for column in columns for stop in column}
    after: dict[Stop, list[Stop]] = {stop: [] for stop in before}
    for way in ways:
        for one, other in pairwise(way):
            before[other].append(one)
            after[one].append(other)
    for sweep in range(_SWEEPS):
        beside, numbers = (before, range(len(columns))) if sweep % 2 == 0 else (after, range(len(columns))[::-1])
        for number in numbers:
            columns[number] = _by_mean(columns, number, beside)
    return columns


def _by_mean(columns: Sequence[Sequence[Stop]], number: int, beside: Mapping[Stop, Sequence[Stop]]) -> list[Stop]:
    place = {stop: (at + 0.5) / len(column) for column in columns for at, stop in enumerate(column)}

    def mean(stop: Stop) -> float:
        known = [place[other] for other in beside[stop]]
        return sum(known) / len(known) if known else place[stop]

    return sorted(columns[number], key=mean)


def _tall(stop: Stop) -> int:
    return BOX_HEIGHT if isinstance(stop, str) else _PASSING


def _height(column: Sequence[Stop]) -> float:
    return sum(map(_tall, column)) + _GAP * (len(column) - 1)


def _points(way: Sequence[Stop], places: Mapping[Stop, Point]) -> Iterator[Point]:
    """Yield the points of an arrow: out of the right side of a box, through layers, into the left side of a box."""
    for number, stop in enumerate(way):
        left, top = places[stop]
        middle = top + _tall(stop) / 2
        if number:
            yield left, middle
        if number < len(way) - 1:
            yield left + BOX_WIDTH, middle
