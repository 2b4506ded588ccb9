"""The table of runs fits a terminal, and its ids can be copied from it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from flows.tracking.run import Run
from flows.tracking.terminal import table

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
ID = "fix-review-numbers-1-92-20260115180000"
COUNTS = {"total": 92, "completed": 40, "failed": 2, "escalated": 1, "pending": 49}


def drawn(width: int, status: str = "incomplete", **labels: Any) -> list[str]:
    run = Run(ID, None, "fix-review", status, "", labels=COUNTS | labels, elapsed_s=4000.0)
    console = Console(file=io.StringIO(), width=width)
    console.print(table([run], NOW, width))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.splitlines()]


def test_a_run_is_one_line_with_its_whole_id_also_on_a_narrow_terminal() -> None:
    headers, line = drawn(80)
    assert headers.split() == ["ID", "STATUS", "DONE", "ELAPSED", "COST"]
    assert line.split() == [ID, "incomplete", "43/92", "67", "min"]


def test_a_wide_terminal_shows_outcomes_and_what_is_left_where_anything_is() -> None:
    headers, *lines = drawn(120)
    assert headers.split() == ["ID", "STATUS", "DONE", "OUTCOMES", "ELAPSED", "COST"]
    assert "40 completed, 1 escalated, 2 failed" in lines[0]
    headers, *_ = drawn(120, "running", counted_from=(NOW - timedelta(minutes=10)).isoformat())
    assert "LEFT" in headers
