"""Drift as a terminal shows it: `Text` without control characters, so that no file can colour or move anything."""

from __future__ import annotations

from itertools import islice

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.markdown import printable
from nightwork.module_spec.drift.finding import Drift, Finding, Severity
from nightwork.module_spec.drift.log import shortened, spoken, where

_STYLES = {Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}
_MOST = 200


def render(drift: Drift) -> RenderableType:
    """Return a table of the findings by module, at most 200 of them."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("severity", no_wrap=True)
    grid.add_column("kind", no_wrap=True)
    grid.add_column("where", overflow="fold", ratio=2)
    grid.add_column("what changed", overflow="fold", ratio=3)
    shown = 0
    for unit in drift.units:
        for finding in islice(unit.findings, _MOST - shown):
            grid.add_row(*_row(finding))
            shown += 1
    more = sum(len(unit.findings) for unit in drift.units) - shown
    return Group(grid, Text(f"and {more} more", style="dim")) if more else grid


def _row(finding: Finding) -> tuple[Text, ...]:
    style = _STYLES[finding.severity]
    what = _line(finding.text) if not finding.name else f"{_line(finding.name)}: {_line(finding.text)}"
    texts = (finding.severity, spoken(finding), _line(where(finding)), what)
    return tuple(Text(text, style=style if not place else "") for place, text in enumerate(texts))


def _line(text: str) -> str:
    return shortened(" ".join(printable(text).split()))
