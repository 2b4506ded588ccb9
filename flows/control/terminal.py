"""How the control room is told on a terminal, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from flows.control.schedules import Due
from flows.control.up import Standing
from nightwork.markdown import printable

_NO_REPOSITORY = "none yet; `nightwork up --repo PATH` or a run's own form names one"
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def as_json(standing: Standing) -> str:
    """Return what there is as one JSON document; times are ISO 8601."""
    return json.dumps(asdict(standing), indent=1, default=lambda value: value.isoformat())


def changes(standing: Standing) -> list[str]:
    """Return what was done, in as few lines as say it: the same done to several is counted."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line in standing.done:
        subject, _, what = line.rpartition(": ")
        groups.setdefault((subject.partition(" ")[0], what), []).append(line)
    return [lines[0] if len(lines) == 1 else f"{len(lines)} {kind}s: {what}" for (kind, what), lines in groups.items()]


def render(standing: Standing) -> Table:
    """Return what there is as a table: where to look, what runs, what starts when, and how to end it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_row("UI", Text(printable(standing.ui), style="cyan"))
    server = f"process {standing.server_pid}" if standing.server_pid else "elsewhere"
    table.add_row("server", Text(f"{server}, {printable(standing.api)}"))
    workers = ", ".join(f"{name} (process {pid})" for name, pid in standing.workers.items())
    pool = "; its work pool is paused: nothing starts until you resume it in the UI" if standing.is_paused else ""
    table.add_row("workers", Text(workers + pool))
    table.add_row("repository", Text(printable(standing.repo) if standing.repo != "." else _NO_REPOSITORY))
    for number, due in enumerate(standing.schedules):
        table.add_row("schedules" if number == 0 else "", Text(_line(due), style="" if due.next else "dim"))
    if not any(due.next for due in standing.schedules):
        table.add_row("", Text("→ all off; `nightwork up --schedule weekly` (or daily, continuous) switches them on"))
    if standing.notified_about:
        table.add_row("notifications", f"{standing.notified_about} automations send them")
    else:
        table.add_row(
            "notifications", "none; `nightwork up --notify slack-webhook/NAME` sends them to a block of yours"
        )
    table.add_row("end", "`nightwork down`")
    return table


def _line(due: Due) -> str:
    when = f"next {due.next:%a %Y-%m-%d %H:%M} {due.time_zone}" if due.next else f"off, {due.time_zone}"
    return f"{due.deployment:<13} {_by_the_clock(due.cron):<22} {when}"


def _by_the_clock(cron: str) -> str:
    """Return a schedule in words when it is one of ours, else as it is."""
    parts = cron.split()
    if len(parts) != 5:
        return printable(cron)  # of a person: @daily, or one with seconds
    minute, hour, day, month, weekdays = parts
    if (day, month) != ("*", "*") or not minute.isdecimal():
        return printable(cron)
    if hour.startswith("*/") and minute == "0":
        return f"every {hour.removeprefix('*/')} hours"
    if not hour.isdecimal():
        return printable(cron)
    first, _, last = weekdays.partition("-")
    if weekdays == "*":
        days = "daily"
    elif first.isdecimal() and (last or first).isdecimal() and int(last or first) < len(_DAYS):
        days = "-".join(_DAYS[int(number)] for number in (first, last) if number)
    else:
        return printable(cron)
    return f"{days} {int(hour):02}:{int(minute):02}"
