"""Trends as one HTML page, and for notebooks: a small chart for each number, drawn as SVG; all text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from nightwork.markdown import printable
from nightwork.trends import Series, Trends
from nightwork.trends.terminal import value_text
from nightwork.webpage import block, frame, table

_WIDTH, _HEIGHT, _EDGE = 320, 110, 8
_DRAWN, _LISTED = 60, 10


def page(trends: Trends, repository: str) -> str:
    """Return the page; charts run from the oldest batch to the newest."""
    body = f'<p class="kicker">nightwork · trends</p>\n<h1>{_line(repository)}</h1>\n{_charts(trends)}'
    return frame(f"Trends of {_line(repository)}", _PAGE + _PARTS, body)


def fragment(trends: Trends) -> str:
    """Return the charts of the newest 60 batches for a notebook, and the numbers of the newest ten."""
    newest = trends.model_copy(update={"batches": trends.batches[-_DRAWN:]})
    numbers = table(("batch", "status", "tickets", "ready", "approved", "cost"), _rows(newest), _LISTED)
    return block("trends", _PARTS, f"{_charts(newest)}\n{numbers}")


def _rows(trends: Trends) -> Iterable[tuple[object, ...]]:
    for each in reversed(trends.batches):
        approved = f"{each.approved} of {each.decided}" if each.decided else "–"
        yield each.batch_id, each.status, each.total, each.ready, approved, value_text(each.cost_usd, "$")


def _charts(trends: Trends) -> str:
    charts = "\n".join(_chart(each, trends) for each in trends.series()) or "<p>No batch yet.</p>"
    count = len(trends.batches)
    told = "oldest to newest. The dashed line is the target, a hollow point misses it."
    return f'<p>{count} batch{"es" * (count != 1)}, {told}</p>\n<div class="charts">\n{charts}\n</div>'


def _line(text: str) -> str:
    return escape(printable(text))


def _chart(series: Series, trends: Trends) -> str:
    known = [value for value in series.values if value is not None]
    target = _target(series.target)
    most = max([*known, *([target] if target is not None else []), 1e-9])
    newest = value_text(series.values[-1], series.unit)
    label = f"{series.name}, {newest} in the newest batch"
    goal = f'<span class="target">target {_line(series.target)}</span>' if series.target else ""
    caption = f'<b>{_line(series.name)}</b> <span class="now">{_line(newest)}</span> {goal}'
    return f"""<figure><figcaption>{caption}</figcaption>
<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{_line(label)}">
<line class="zero" x1="0" x2="{_WIDTH}" y1="{_HEIGHT - 1}" y2="{_HEIGHT - 1}"/>
{_target_line(target, most)}{_curve(series, most)}{_points(series, most, trends)}</svg></figure>"""


def _target(text: str) -> float | None:
    """Return where the line of a target is drawn: its last number, the upper end of a range."""
    numbers = re.findall(r"\d+(?:\.\d+)?", text)
    return float(numbers[-1]) if numbers else None


def _x(number: int, count: int) -> float:
    return _EDGE + (_WIDTH - 2 * _EDGE) * (number / (count - 1) if count > 1 else 0.5)


def _y(value: float, most: float) -> float:
    return _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * value / most


def _target_line(target: float | None, most: float) -> str:
    if target is None:
        return ""
    y = _y(target, most)
    return f'<line class="goal" x1="{_EDGE}" x2="{_WIDTH - _EDGE}" y1="{y:.1f}" y2="{y:.1f}"/>\n'


def _curve(series: Series, most: float) -> str:
    """Return the lines between neighbours; where nothing is known there is a gap."""
    count, parts = len(series.values), []
    for number, (first, second) in enumerate(zip(series.values, series.values[1:], strict=False)):
        if first is not None and second is not None:
            ends = _x(number, count), _y(first, most), _x(number + 1, count), _y(second, most)
            parts.append('<line class="curve" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>\n'.format(*ends))
    return "".join(parts)


def _points(series: Series, most: float, trends: Trends) -> str:
    parts = []
    for number, (value, met) in enumerate(zip(series.values, series.met, strict=True)):
        if value is not None:
            told = f"{trends.batches[number].batch_id}: {value_text(value, series.unit)}"
            place = f'cx="{_x(number, len(series.values)):.1f}" cy="{_y(value, most):.1f}"'
            kind = "missed" if met is False else "point"
            parts.append(f'<circle class="{kind}" {place} r="3.5"><title>{_line(told)}</title></circle>\n')
    return "".join(parts)


_PAGE = """
:root {
  --ink: #1d2330; --soft: #667085; --line: #d9dde5; --paper: #fff; --card: #f7f8fa; --mark: #2f5fd0; --miss: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8ee; --soft: #98a2b3; --line: #343a46; --paper: #14171d; --card: #1b1f27;
    --mark: #86a8ff; --miss: #ff8a80;
  }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px }
.kicker { margin: 0; color: var(--soft); font-size: 13px }
h1 { margin: 0 0 8px; font-size: 26px }
"""

_PARTS = """
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 16px; margin: 20px 0 14px }
figure { margin: 0; padding: 14px 16px; background: var(--card); border: 1px solid var(--line); border-radius: 8px }
figcaption { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline }
.now { color: var(--mark); font-weight: 600 }
.target { margin-left: auto; color: var(--soft); font-size: 13px }
svg { width: 100%; height: auto; margin-top: 6px }
.zero { stroke: var(--line) }
.goal { stroke: var(--soft); stroke-dasharray: 4 4 }
.curve { stroke: var(--mark); stroke-width: 2; stroke-linecap: round }
.point { fill: var(--mark) }
.missed { fill: var(--card); stroke: var(--miss); stroke-width: 2 }
"""
