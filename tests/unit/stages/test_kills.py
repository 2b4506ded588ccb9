"""A run that is killed, or whose disk runs full, at any instant ends, once resumed, as an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "assets" / "kill_driver.py"
SHARDS = 4
INSTANTS = 112
CLAUDE_INSTANTS = 32
AGENTS = 3


@pytest.mark.parametrize("shard", range(SHARDS))
def test_after_a_kill_at_any_instant_a_resume_ends_with_one_commit_and_one_merge_request(
    tmp_path: Path, shard: int
) -> None:
    command = [sys.executable, str(DRIVER), "kill", str(tmp_path), str(shard), str(SHARDS), str(INSTANTS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(told) >= INSTANTS // SHARDS
    assert sum(row["killed"] for row in told) >= len(told) - 1
    assert [row for row in told if row["faults"]] == []
    assert sum(row["replies_repeated"] for row in told) == 0
    assert max(len(row["commands_repeated"]) for row in told) <= AGENTS


@pytest.mark.parametrize("shard", range(2))
def test_after_a_kill_at_any_instant_no_answer_of_claude_is_paid_twice_and_no_money_is_unknown(
    tmp_path: Path, shard: int
) -> None:
    command = [sys.executable, str(DRIVER), "claude", str(tmp_path), str(shard), "2", str(CLAUDE_INSTANTS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(told) >= CLAUDE_INSTANTS // 2
    assert [row for row in told if row["faults"]] == []
    assert sum(row["replies_repeated"] for row in told) == 0
    kills = {row["instant"]: row["killed"] + row["killed_in_resume"] for row in told}
    assert [row for row in told if row["requests_repeated"] > AGENTS * kills[row["instant"]]] == []
    assert max(row["unknown_usd"] for row in told) < 1e-6


def test_after_a_disk_that_ran_full_at_any_instant_a_resume_ends_with_one_commit_and_one_merge_request(
    tmp_path: Path,
) -> None:
    own_mounts = ["unshare", "--mount", *(["--user", "--map-root-user"] if os.geteuid() else [])]
    if subprocess.run([*own_mounts, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nobody here may mount a small disk: `unshare --mount` is refused")
    command = [*own_mounts, sys.executable, str(DRIVER), "full", str(tmp_path), "0", "1", "16"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(told) == 16
    assert sum(row["first_exit"] != 0 for row in told) >= 8  # nothing could go on
    assert [row for row in told if row["faults"]] == [], done.stderr[-3000:]
    assert sum(row["replies_repeated"] for row in told) == 0
