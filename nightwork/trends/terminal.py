"""Trends as a terminal shows them: one row a batch, one line of blocks a number."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.review import words
from nightwork.trends import Series, Trends

_BLOCKS = "▁▂▃▄▅▆▇█"
_SHORT = {
    "tickets per batch": "tickets",
    "completion rate": "done",
    "average quality score": "score",
    "escalation rate": "asked",
    "review time per merge request": "review",
    "cost": "cost",
    "cost per completed ticket": "each",
}
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("", "")}


def render(trends: Trends) -> RenderableType:
    """Return the table of all batches, the newest last, with the targets and the course of each number."""
    series = trends.series()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("batch", no_wrap=True, min_width=20)
    for each in series:
        table.add_column(_SHORT.get(each.name, each.name), justify="right", no_wrap=True, min_width=7)
    table.add_column("approved", justify="right", no_wrap=True)
    for number, batch in enumerate(trends.batches):
        decided = f"{batch.approved} of {batch.decided}" if batch.decided else "–"
        table.add_row(Text(words.line(batch.batch_id, 40)), *(_cell(each, number) for each in series), decided)
    table.add_section()
    table.add_row("target", *(Text(each.target or "", style="dim") for each in series), "")
    if len(trends.batches) > 1:
        table.add_row("last seven", *(Text(blocks(each.values[-7:])) for each in series), "")
    told = "done: completed; asked: escalated; review: minutes a merge request; –: nothing known"
    notes = Text(told, style="dim")
    return Group(table, notes)


def _cell(series: Series, number: int) -> Text:
    mark, style = _MARKS[series.met[number]]
    return Text(f"{value_text(series.values[number], series.unit)} {mark}".rstrip(), style=style)


def value_text(value: float | None, unit: str) -> str:
    """Return a number as people read it, with a unit where it would not be clear."""
    if value is None:
        return "–"
    if unit == "$":
        return words.money(value)
    if unit == "points":
        return words.score(value)
    return f"{value:.0f}" + (" %" if unit == "%" else "")


def blocks(values: Sequence[float | None]) -> str:
    """Return numbers as blocks of eight heights, from 0 to the greatest; a dot where nothing is known."""
    most = max((value for value in values if value is not None), default=0.0)
    heights = [None if value is None else 7 * value / most if most > 0 else 0 for value in values]
    return "".join("·" if height is None else _BLOCKS[min(max(round(height), 0), 7)] for height in heights)
