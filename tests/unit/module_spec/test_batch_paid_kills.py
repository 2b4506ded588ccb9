"""Runs that are killed while a model answers: what was written is not paid for again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from messages_server import Answer, Asked, MessagesServer, tools
from spec_projects import spec_bytes, write

from nightwork.module_spec.batch import run_batch
from nightwork.spec_settings import SpecsOptions

PARALLEL = 2
UNITS = [f"unit{number}.py" for number in range(10)]
RUN = """
import sys
from nightwork.module_spec.batch import run_batch
from nightwork.spec_settings import SpecsOptions
result = run_batch(sys.argv[1], sys.argv[2] == "force", options=SpecsOptions(model="claude-opus-5-5", parallel=2))
sys.exit(len(result.failed))
"""


class Killer:
    """Answers for units, and kills the run that asks at the request of a number, counted anew for each run."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.pid = self.left = 0

    def __call__(self, asked: Asked) -> Answer:
        (unit,) = re.findall(r"^=== (unit\d+\.py)$", asked.words(), re.MULTILINE)[:1]
        self.asked[unit] += 1
        self.left -= 1
        if self.left == 0:
            os.kill(self.pid, signal.SIGKILL)
        return tools(submit_spec={"purpose": f"Purpose of {unit}.", "intent": "It is."})

    def run(self, root: Path, server: MessagesServer, kill_at: int, force: bool) -> int:
        environment = {**os.environ, "ANTHROPIC_API_KEY": server.key}
        command = [sys.executable, "-c", RUN, str(root), "force" if force else ""]
        self.left = kill_at
        with subprocess.Popen(command, env=environment) as process:
            self.pid = process.pid
        return process.returncode


def project(root: Path) -> Path:
    needs = {name: UNITS[number - 1][:-3] for number, name in enumerate(UNITS) if number % 3}
    head = {name: f"import {needs[name]}\n" if name in needs else "" for name in UNITS}
    return write(root, {name: f"{head[name]}\n\ndef work(x: int) -> int:\n    return x\n" for name in UNITS})


def test_after_kills_no_module_is_paid_twice_but_those_under_way(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    say = Killer()
    with MessagesServer(say) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        undisturbed, root = project(tmp_path / "a/project"), project(tmp_path / "b/project")
        assert run_batch(undisturbed, options=SpecsOptions(model="claude-opus-5-5")).failed == ()
        assert say.asked == Counter(UNITS)
        # The last but one kill comes before anything more is written: what runs before did must not be forgotten.
        for force, kills in ((False, (5,)), (True, (7, 1, 3))):
            say.asked.clear()
            statuses = [say.run(root, server, kill_at, force) for kill_at in (*kills, 0)]
            assert statuses == [*(-signal.SIGKILL for _ in kills), 0]
            assert set(say.asked) == set(UNITS)
            assert say.asked.total() <= len(UNITS) + len(kills) * PARALLEL
            assert spec_bytes(root) == spec_bytes(undisturbed)
