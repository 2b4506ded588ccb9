"""A run over a track that is killed at any instant ends, once resumed, as an undisturbed one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "assets" / "track_kill_driver.py"
INSTANTS = 25


@pytest.mark.parametrize("operation", ["fix-review", "research", "orchestrate"])
def test_after_a_kill_at_any_instant_a_resume_ends_with_the_same_documents_and_nothing_is_asked_twice(
    tmp_path: Path, operation: str
) -> None:
    command = [sys.executable, str(DRIVER), str(tmp_path), operation, str(INSTANTS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert len(told) == INSTANTS
    assert [row for row in told if row["faults"]] == [], done.stderr[-3000:]
    assert [row["instant"] for row in told if not row["killed"]] == []
    assert sum(row["repeated"] for row in told) == 0
    assert {json.dumps(row["counts"]) for row in told} == {json.dumps({"completed": 3})}
