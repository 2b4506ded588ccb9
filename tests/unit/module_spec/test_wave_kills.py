"""A run that is killed at any instant, once resumed, has every spec, and has paid every answer once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from messages_server import MessagesServer, tools

DRIVER = Path(__file__).parents[2] / "assets" / "wave_driver.py"
UNITS = 8
STEP = 7


def unit_of(asked) -> str:
    return re.search(r"the unit <(\w+)>", asked.words())[1]


def answer(asked):
    return tools(submit_spec={"purpose": "p", "intent": f"of {unit_of(asked)}"})


def billed(server, instant: int) -> float:
    usages = [u for a, u in zip(server.requests, server.usages, strict=True) if unit_of(a).startswith(f"i{instant}x")]
    return sum((usage["input_tokens"] * 4.0 + usage["output_tokens"] * 20.0) / 2e6 for usage in usages)


def drive(server, folder: Path, first: int, step: int) -> list[dict]:
    command = [sys.executable, str(DRIVER), str(folder), server.url, server.key, str(first), str(step)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(server, told: list[dict]) -> None:
    assert [row for row in told if row["missing"] or row["wrong"] or row["open"] or row["left"]] == []
    asked = Counter(unit_of(each) for each in server.requests)
    assert set(asked.values()) == {1}, "nothing is paid twice"
    assert len(asked) == UNITS * len(told)
    for row in told:
        assert row["ended"]
        assert row["spent_usd"] == pytest.approx(billed(server, row["instant"]), abs=1e-7), row


def test_after_a_kill_at_any_instant_nothing_is_lost_and_nothing_paid_twice(tmp_path):
    with MessagesServer(answer) as server:
        server.batches.polls = 2
        told = drive(server, tmp_path, 3, STEP)
        assert sum(row["killed"] for row in told) >= 8
        check(server, told)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["create", "poll", "results"])
def test_after_a_kill_while_the_provider_is_asked_nothing_is_paid_twice(tmp_path, when, call):
    def kill(*at: str) -> None:
        if at == (when, call):
            server.batches.on_request = lambda *_: None
            with contextlib.suppress(ProcessLookupError):
                os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    with MessagesServer(answer) as server:
        server.batches.polls = 2
        server.batches.on_request = kill
        told = drive(server, tmp_path, 900, 900)
        assert told[0]["killed"]
        check(server, told)
