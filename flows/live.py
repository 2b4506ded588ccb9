"""The table on a terminal, or in a notebook, of the items of a batch while they are worked on."""

from __future__ import annotations

import logging
import time

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.markdown import printable
from nightwork.outcome import Status
from nightwork.progress import Event

_STYLES = {
    Status.RUNNING: "cyan",
    Status.COMPLETED: "green",
    Status.PARTIAL: "yellow",
    Status.ESCALATED: "magenta",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
    Status.ABORTED: "red",
}


class LiveTable(logging.Handler):
    """Draws the newest state of every item from the progress events."""

    def __init__(self, rows: int) -> None:
        super().__init__(logging.INFO)
        self._rows = max(rows, 5)
        self._events: dict[str, Event] = {}
        self._started: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._waiting, self._waiting_until = "", 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Take up one event, or a wait for a provider."""
        if hasattr(record, "waiting_until"):
            self._waiting, self._waiting_until = record.getMessage(), record.waiting_until
        event = getattr(record, "progress", None)
        if not isinstance(event, Event):
            return
        now = time.monotonic()
        self._events[event.item] = event
        if event.outcome.status is Status.RUNNING:
            self._started[event.item] = now
            self._ended.pop(event.item, None)
        else:
            self._ended[event.item] = now

    def drawn(self) -> RenderableType:
        """Return the table as it is now, with what is waited for."""
        if time.time() >= self._waiting_until:
            return self._table()
        return Group(self._table(), Text(f"⏸ {printable(self._waiting)}", style="yellow"))

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        rows = list(self._events.values())[-self._rows :]
        for event in rows:
            style = _STYLES.get(event.outcome.status, "")
            table.add_row(
                Text(f"[{event.number}/{event.total}]", style="dim"),
                Text(printable(event.item)),
                Text(event.outcome.verdict or event.outcome.label(), style=style),
                Text(self._elapsed(event.item), style="dim"),
                Text(printable(event.outcome.message)[:60], style="dim", no_wrap=True, overflow="ellipsis"),
            )
        return table

    def _elapsed(self, item: str) -> str:
        if item not in self._started:
            return ""
        return f"{self._ended.get(item, time.monotonic()) - self._started[item]:.0f} s"
