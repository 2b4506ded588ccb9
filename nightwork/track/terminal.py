"""What an operation over a range came to, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.markdown import one_line
from nightwork.outcome import Status
from nightwork.track.report import score
from nightwork.track.result import Row, TrackResult

_MOST = 40
_MARKS = {
    Status.COMPLETED: ("✓", "green"),
    Status.SKIPPED: ("–", "dim"),
    Status.ESCALATED: ("?", "magenta"),
    Status.FAILED: ("✗", "red"),
}


def render(result: TrackResult) -> RenderableType:
    """Return the result as people read it: of a long range only what is not simply done."""
    rows = list(result.rows)
    shown = rows if len(rows) <= _MOST else [row for row in rows if row.status is not Status.COMPLETED][:_MOST]
    return Group(Text(result.told()), _table(shown), *map(Text, _notes(result, len(rows) - len(shown))))


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows:
        mark, style = _MARKS.get(row.status, ("■", "yellow"))
        why = Text(one_line(row.message), style="dim", overflow="ellipsis", no_wrap=not row.is_flagged())
        table.add_row(Text(mark, style=style), Text(row.module), Text(row.label(), style=style), score(row), why)
    return table


def _notes(result: TrackResult, hidden: int) -> Iterator[str]:
    if hidden:
        yield f"and {hidden:,} more"
    if result.cost_usd:
        yield f"{one_line(result.model)}: ${result.cost_usd:.4f}"
    if result.is_aborted():
        yield "the same command goes on where this run ended"
    elif result.flagged():
        yield f"{len(result.flagged())} for a person; the same command takes up what failed or was changed"
    yield f"report: {result.report}"
