"""Drift as a terminal shows it: `Text` without control characters, so that no file can colour or move anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.markdown import one_line
from nightwork.module_spec.drift.finding import Drift, Finding, Kind, Severity, UnitDrift
from nightwork.module_spec.drift.log import shortened, spoken

_STYLES = {Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}
_MOST = 200


def render(drift: Drift) -> RenderableType:
    """Return the findings module by module, at most 200 of them."""
    parts: list[RenderableType] = []
    left = _MOST
    for unit in drift.units:
        if left > 0:
            parts += _module(unit, unit.findings[:left])
        left -= len(unit.findings)
    return Group(*parts, Text(f"and {-left} more", style="dim")) if left < 0 else Group(*parts)


def _module(unit: UnitDrift, findings: Sequence[Finding]) -> Iterator[RenderableType]:
    yield Text(_line(unit.unit), style="bold", overflow="fold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=max(map(len, Severity)) + 2)
    grid.add_column(width=max(map(len, Kind)))
    grid.add_column(justify="right", min_width=4)
    grid.add_column(overflow="fold")
    for each in findings:
        where = f"{each.line}" if each.line else ""
        what = f"{each.name}: {each.text}" if each.name else each.text
        other = f" ({each.path})" if each.path not in {unit.unit, unit.spec} else ""
        severity = Text(f"  {each.severity}", style=_STYLES[each.severity])
        grid.add_row(severity, Text(spoken(each)), Text(where, style="dim"), Text(_line(what + other)))
    yield grid


def _line(text: str) -> str:
    return shortened(one_line(text))
