"""What stands on a terminal is nightwork's own, whatever Prefect sets up when it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SCRIPT = """
import logging, sys
from flows import console
console.prepare(verbose=False)
import prefect
prefect.flow(lambda: None, name="quiet")
logging.getLogger("prefect.flow_runs").info("Prefect's own words")
logging.getLogger("nightwork.progress").info("the key is ANTHROPIC_API_KEY=sk-ant-" + "api03-q7Zk2mWv9Lx4Tb8Rn1Yc6Hd3")
"""


def test_the_terminal_shows_only_what_nightwork_says_with_keys_taken_out() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    (line,) = ran.stderr.splitlines()
    assert line.startswith("the key is ANTHROPIC_API_KEY=")
    assert "q7Zk2mWv" not in line


def test_a_server_that_nobody_finds_is_told_of_in_one_line(make_repository: Callable[..., Path]) -> None:
    command = [sys.executable, "-m", "flows.cli", "run", "--repo", str(make_repository({"A": {}}))]
    environment = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api"}  # the port of `discard`
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "error: PREFECT_API_URL: is 'http://127.0.0.1:9/api', which does not answer" in ran.stderr
    assert "Traceback" not in ran.stderr
