"""Whatever a run tells of itself: it is shown, as text, and stands in no other run's way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from rich.console import Console

from flows.tracking.places import next_step, output_of, places
from flows.tracking.run import Run
from flows.tracking.terminal import table, whole
from nightwork.sandbox.mark import Life

NOW = datetime(2026, 1, 15, 18, tzinfo=UTC)
LIES: dict[str, Any] = {
    "numbers": {"total": "many", "completed": "\u0663", "cost_usd": "a fortune", "settled_before": []},
    "huge": {"total": 10**30, "completed": 10**29, "cost_usd": 1e308, "counted_from": "2026-01-01T00:00:00+00:00"},
    "endless": {"total": float("inf"), "completed": float("nan"), "cost_usd": float("nan")},
    "negative": {"total": -5, "completed": -7, "skipped": -100, "cost_usd": -1.0},
    "times": {"began_at": "9999-12-31T23:59:59-12:00", "counted_from": "0001-01-01T00:00:00+14:00", "total": 2},
    "later": {"counted_from": "2099-01-01T00:00:00+00:00", "total": 3, "completed": 1},
    "rate": {"counted_from": "0001-01-02T00:00:00+00:00", "total": 10**9, "completed": 1},
    "process": {"process": "9" * 5000 + " 1 2 3 4", "began_at": "2026-01-15T18:00:00+00:00"},
    "text": {"host": "\x1b[2J", "pid": "\x1b[2J", "process": "x", "folder": "\0/x", "batch": "\x1b[2J", "output": "\0"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_run_that_lies_is_shown_all_the_same(lie: str) -> None:
    name = "overnight-\x1b[2J`reboot`; $(reboot)"
    run = Run(name, None, "overnight", "running", "\x1b[2J", {"track": ["\x1b[2J"]}, LIES[lie], StateType.RUNNING)
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table([run], NOW, 200))
        console.print(whole(run, NOW, places(run, None), ["\x1b[2J"], next_step(run)))
    assert "\x1b" not in shown.get()
    json.dumps(run.as_dict(NOW), allow_nan=False)
    assert run.life() is Life.NOT_TOLD
    assert run.own_process() is None
    assert output_of(run, []) is None


def test_a_command_that_is_told_to_go_on_is_one_word_of_a_shell_for_the_id() -> None:
    run = Run("overnight-`reboot`", None, "overnight", "running", "", state_type=StateType.RUNNING)
    assert "nightwork logs 'overnight-`reboot`' -f" in next_step(run)


@pytest.mark.parametrize("output", ["/etc/passwd", "/proc/self/environ"])
def test_a_label_that_names_a_file_of_somebody_else_shows_nothing_of_it(output: str) -> None:
    run = Run("overnight-b-20260115180000", None, "overnight", "running", "", labels={"output": output})
    assert Path(output).is_file()
    assert output_of(run, []) is None
