"""How runs are told on a terminal: a table of all, and one in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from flows.tracking.run import Run
from nightwork.markdown import one_line, printable
from nightwork.outcome import Status

_STYLES = {
    "running": "cyan",
    "starting": "cyan",
    "completed": "green",
    "incomplete": "yellow",
    "suspended": "magenta",
    "aborted": "red",
    "failed": "red",
    "refused": "red",
    "crashed": "red",
}
_TITLES = ("ID", "STATUS", "DONE", "OUTCOMES", "ELAPSED", "LEFT", "COST")
_WIDE = 100
_UNTOLD = frozenset({Status.PENDING, Status.RUNNING})


def table(runs: Sequence[Run], now: datetime, width: int) -> Table:
    """Return the runs as rows, with ids in one piece to be copied; a narrow terminal leaves the outcomes out."""
    rows = [_cells(run, now) for run in runs]
    left_out = {"OUTCOMES"} if width < _WIDE else set[str]()
    left_out |= set() if any(cells["LEFT"].plain for cells in rows) else {"LEFT"}
    shown = Table(box=None, pad_edge=False)
    for title in (title for title in _TITLES if title not in left_out):
        justify: JustifyMethod = "right" if title == "COST" else "left"
        shown.add_column(title, header_style="dim", overflow="fold", justify=justify, no_wrap=title == "ID")
    for cells in rows:
        shown.add_row(*(cells[title] for title in _TITLES if title not in left_out))
    return shown


def _cells(run: Run, now: datetime) -> dict[str, Text]:
    left_s = run.left_s(now)
    return {
        "ID": Text(printable(run.id)),
        "STATUS": Text(one_line(run.status), style=_style(run.status)),
        "DONE": Text(f"{run.done}/{run.total}" if run.counts else ""),
        "OUTCOMES": Text(outcomes(run)),
        "ELAPSED": Text(duration(run.elapsed_s) if run.elapsed_s else ""),
        "LEFT": Text(f"{duration(left_s)}, {_clock(now, left_s)}" if left_s is not None else ""),
        "COST": Text(_cost(run)),
    }


def whole(run: Run, now: datetime, places: Sequence[tuple[str, str]], lines: Sequence[str], next_step: str) -> Table:
    """Return one run with all that is known: `places` are names with what stands there, `lines` the end of its log."""
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    status = Text(one_line(run.status), style=_style(run.status))
    told = "\n".join(printable(line) for line in run.message.splitlines())
    shown.add_row("run", Text(printable(run.id)))
    shown.add_row("status", status.append(f": {told}", style="default") if told else status)
    for name, text in (*_facts(run, now), *places):
        shown.add_row(name, Text(one_line(text)))
    for number, line in enumerate(lines):
        shown.add_row("log" if number == 0 else "", Text(one_line(line), style="dim"))
    shown.add_row("next", Text(printable(next_step), style="cyan"))
    return shown


def _facts(run: Run, now: datetime) -> list[tuple[str, str]]:
    began = ("started", run.started_at) if run.started_at else ("to start", run.scheduled_at)
    times = [began, ("ended", run.ended_at)]
    left_s = run.left_s(now)
    process = f"{run.labels.get('host')}, process {run.labels.get('pid')}" if run.mark() and not run.is_over() else ""
    facts = [
        ("operation", f"{run.operation} {run.range}".strip()),
        ("repository", run.folder or str(run.parameters.get("repo", ""))),
        ("items", ": ".join(filter(None, [f"{run.done} of {run.total}", outcomes(run)])) if run.counts else ""),
        *((name, f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else "") for name, at in times),
        ("elapsed", duration(run.elapsed_s) if run.elapsed_s else ""),
        ("left", f"{duration(left_s)}, until {_clock(now, left_s)}" if left_s is not None else ""),
        ("cost", _cost(run)),
        ("process", process),
        ("flow run", str(run.flow_run_id or "")),
    ]
    return [(name, text) for name, text in facts if text]


def outcomes(run: Run) -> str:
    """Return how many items came to what, those that have ended."""
    return ", ".join(
        f"{run.counts[status]} {status}" for status in Status if status not in _UNTOLD and run.counts.get(status)
    )


def duration(seconds: float) -> str:
    """Return a time as people read it: `42 s`, `12 min`, `3 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def _clock(now: datetime, seconds: float) -> str:
    at = (now + timedelta(seconds=seconds)).astimezone()
    return f"{at:%H:%M}" if at.date() == now.astimezone().date() else f"{at:%a %H:%M}"


def _cost(run: Run) -> str:
    return f"${run.cost_usd:.2f}" if run.cost_usd is not None else ""


def _style(status: str) -> str:
    return "red" if "no sign of life" in status else _STYLES.get(status, "default")
