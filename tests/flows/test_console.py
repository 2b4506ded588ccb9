"""What stands on a terminal is nightwork's own, whatever Prefect sets up when it is imported."""

from __future__ import annotations

import subprocess
import sys

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
