"""A run that is killed at any instant, twice, and then gone on with ends with the bytes of one that was not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "assets/specs_kill_driver.py"
SHARDS = 2


# Every fourth instant is of a run with `force`; of many modules two processes write.
@pytest.mark.parametrize(("instants", "links"), [(34, 8), (8, 130)])
def test_after_kills_at_any_instant_a_run_ends_with_the_bytes_of_an_undisturbed_one(tmp_path, instants, links):
    numbers = [str(instants), str(links)]
    commands = [[sys.executable, str(DRIVER), str(tmp_path), str(n), str(SHARDS), *numbers] for n in range(SHARDS)]
    drivers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    told = [json.loads(line) for driver in drivers for line in driver.communicate()[0].splitlines()]
    assert [driver.returncode for driver in drivers] == [0] * SHARDS
    assert len(told) == instants
    assert [row for row in told if row["faults"] or row["statuses"][2]] == []
    assert sum(row["statuses"][0] == 9 for row in told) >= instants - 4
