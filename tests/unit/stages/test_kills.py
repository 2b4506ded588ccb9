"""A run that is killed at any instant, and killed again while it resumes, ends as an undisturbed one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "assets" / "kill_driver.py"
SHARDS = 4
INSTANTS = 112
AGENTS = 3


@pytest.mark.parametrize("shard", range(SHARDS))
def test_after_a_kill_at_any_instant_a_resume_ends_with_one_commit_and_one_merge_request(
    tmp_path: Path, shard: int
) -> None:
    command = [sys.executable, str(DRIVER), str(tmp_path), str(shard), str(SHARDS), str(INSTANTS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(told) >= INSTANTS // SHARDS
    assert sum(row["killed"] for row in told) >= len(told) - 1
    assert [row for row in told if row["faults"]] == []
    assert sum(row["replies_repeated"] for row in told) == 0
    assert max(len(row["commands_repeated"]) for row in told) <= AGENTS
