"""The graph of a batch as inline SVG: a box for each ticket with what came of it, an arrow for each dependency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import networkx as nx

from nightwork.outcome import Status, Verdict
from nightwork.review import layout
from nightwork.review.document import ReviewDocument, TicketRow
from nightwork.review.elements import line

MOST = 60
_MOST_ALONE = 20
_LONGEST_NAME = 17
_HEAD = 7  # of an arrow
_TONES = {
    Status.COMPLETED: ("✓", "good"),
    Status.PARTIAL: ("⚠", "warn"),
    Status.ESCALATED: ("⚠", "warn"),
    Status.FAILED: ("✗", "bad"),
    Status.ABORTED: ("✗", "bad"),
    Status.SKIPPED: ("–", ""),
}


def graph(document: ReviewDocument) -> str:
    """Return the graph with a sentence below it; nothing for a batch without dependencies.

    Only tickets that hang together are drawn, 60 at most: those that hang together with what is not done come first.
    The others are counted below.
    """
    rows = {row.ticket: row for row in document.tickets}
    whole: nx.DiGraph[str] = nx.DiGraph()
    whole.add_edges_from((name, row.ticket) for row in rows.values() for name in row.dependencies if name in rows)
    if not whole or not nx.is_directed_acyclic_graph(whole):
        return ""
    drawn = _first(whole, rows)
    svg = _svg(whole.subgraph(drawn), rows)
    notes = [*_more([rows[name] for name in whole if name not in drawn], len(whole))]
    notes += _alone([row for name, row in rows.items() if name not in whole])
    below = "".join(f'<p class="note">{line(text, 1200)}</p>' for text in notes)
    return f'<div class="graph">{svg}</div>{below}'


def standing(row: TicketRow) -> tuple[str, str, str]:
    """Return what came of a ticket: a sign, the words, and a tone."""
    sign, tone = _TONES.get(row.status, ("·", ""))
    if row.verdict is None:
        return sign, row.status, tone
    told = row.verdict.replace("_", " ").removesuffix(" by")
    if row.verdict is Verdict.PASSED:
        return (sign, told, tone) if row.status is Status.COMPLETED else (sign, f"{row.status}, {told}", tone)
    return ("✗", told, "bad") if row.verdict is Verdict.VETOED else ("⚠", told, "warn")


def _first(whole: nx.DiGraph[str], rows: dict[str, TicketRow]) -> set[str]:
    """Return the tickets that are drawn: groups with the most that is not done first, each from its beginning."""

    def place(group: set[str]) -> tuple[int, int, str]:
        return -sum(standing(rows[name])[2] != "good" for name in group), -len(group), min(group)

    ranked = sorted(nx.weakly_connected_components(whole), key=place)
    names = (name for group in ranked for name in nx.lexicographical_topological_sort(whole.subgraph(group)))
    return {name for name, _ in zip(names, range(MOST), strict=False)}


def _more(rows: Sequence[TicketRow], total: int) -> Iterable[str]:
    if rows:
        counts = Counter(standing(row)[1] for row in rows)
        told = ", ".join(f"{count} {words}" for words, count in counts.most_common())
        yield f"{total - len(rows)} of {total} tickets that depend on each other are drawn; {len(rows)} more: {told}."


def _alone(rows: Sequence[TicketRow]) -> Iterable[str]:
    """Tell the tickets that hang together with no other, those that are not done first."""
    if rows:
        ranked = sorted(rows, key=lambda row: standing(row)[2] == "good")
        told = ", ".join(f"{standing(row)[0]} {row.ticket} {standing(row)[1]}" for row in ranked[:_MOST_ALONE])
        more = f", and {len(rows) - _MOST_ALONE} more" if len(rows) > _MOST_ALONE else ""
        yield f"On their own: {told}{more}."


def _svg(drawn: nx.DiGraph[str], rows: dict[str, TicketRow]) -> str:
    drawing = layout.lay_out(drawn)
    arrows = "".join(map(_arrow, drawing.arrows))
    boxes = "".join(_box(rows[name], place) for name, place in sorted(drawing.boxes.items()))
    width, height = f"{drawing.width:.0f}", f"{drawing.height:.0f}"
    told = "; ".join(f"{name} {standing(rows[name])[1]}{_after(drawn, name)}" for name in sorted(drawing.boxes))
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="Dependencies: {line(told, 2000)}">{arrows}{boxes}</svg>'
    )


def _after(drawn: nx.DiGraph[str], name: str) -> str:
    before = sorted(drawn.predecessors(name))
    return f" after {', '.join(before)}" if before else ""


def _arrow(points: Sequence[layout.Point]) -> str:
    """Return a smooth line with its head; colours come from the style, and without one from the text."""
    (x, y), end = points[0], points[-1]
    path = f"M{x:.1f} {y:.1f}"
    for number, ((a, b), (c, d)) in enumerate(pairwise(points)):
        if number % 2:  # straight through a layer
            path += f"H{c:.1f}"
            continue
        c -= _HEAD if number == len(points) - 2 else 0
        half = (c - a) / 2
        path += f"C{a + half:.1f} {b:.1f} {c - half:.1f} {d:.1f} {c:.1f} {d:.1f}"
    head = f"{end[0]:.1f},{end[1]:.1f} {end[0] - _HEAD:.1f},{end[1] - 4:.1f} {end[0] - _HEAD:.1f},{end[1] + 4:.1f}"
    return f'<path fill="none" stroke="currentColor" d="{path}"/><polygon fill="currentColor" points="{head}"/>'


def _box(row: TicketRow, place: layout.Point) -> str:
    sign, told, tone = standing(row)
    left, top = place
    size = f'width="{layout.BOX_WIDTH}" height="{layout.BOX_HEIGHT}" rx="7"'
    return (
        f'<g class="{tone}"><title>{line(row.ticket)}: {line(row.title)}</title>'
        f'<rect fill="none" stroke="currentColor" x="{left:.1f}" y="{top:.1f}" {size}/>'
        f'<text class="id" x="{left + 10:.1f}" y="{top + 18:.1f}">{line(row.ticket, _LONGEST_NAME)}</text>'
        f'<text x="{left + 10:.1f}" y="{top + 34:.1f}">{sign} {line(told)}</text></g>'
    )
