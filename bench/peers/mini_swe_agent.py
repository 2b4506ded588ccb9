"""mini-swe-agent's own batch runner on local tickets, run by the Python of `.venv-bench`; prints its seconds as JSON.

Its `swebench` command is called whole, with its configuration file, thread pool, progress display and result files.
Only the data set comes from memory instead of the network, commands run on this machine instead of in containers, and
the model is its own deterministic one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["MSWEA_SILENT_STARTUP"] = "1"

import datasets
import yaml
from minisweagent.run.benchmarks import swebench

SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


def config(steps: int, folder: str) -> dict[str, object]:
    """Return what differs from its configuration file: `steps` commands, the last of which submits."""
    commands = ["echo step"] * (steps - 1) + [SUBMIT]
    outputs = [
        {"role": "assistant", "content": "next", "extra": {"actions": [{"command": command}], "cost": 0.0}}
        for command in commands
    ]
    return {
        "environment": {"cwd": folder, "env": {"BASH_ENV": ""}},
        "model": {"model_name": "deterministic", "outputs": outputs, "cost_per_call": 0.0},
    }


def run(tickets: int, steps: int, workers: int) -> dict[str, float]:
    """Run the batch; returns its seconds, its commands and how many of its tickets were submitted."""
    instances = [{"instance_id": f"T-{number:04}", "problem_statement": f"Add {number}"} for number in range(tickets)]
    datasets.load_dataset = lambda *_, **__: instances
    with tempfile.TemporaryDirectory(prefix="nightwork-bench-mini-") as folder:
        changes = Path(folder) / "config.yaml"
        changes.write_text(yaml.safe_dump(config(steps, folder)))
        started = time.perf_counter()
        swebench.main(
            subset="local",
            split="test",
            slice_spec="",
            filter_spec="",
            shuffle=False,
            output=f"{folder}/output",
            workers=workers,
            model=None,
            model_class="deterministic",
            redo_existing=False,
            config_spec=[str(swebench.DEFAULT_CONFIG_FILE), str(changes)],
            environment_class="local",
        )
        seconds = time.perf_counter() - started
        saved = [json.loads(path.read_text()) for path in Path(folder, "output").glob("*/*.traj.json")]
    return {
        "seconds": seconds,
        "submitted": sum(trajectory["info"]["exit_status"] == "Submitted" for trajectory in saved),
        "commands": sum(trajectory["info"]["model_stats"]["api_calls"] for trajectory in saved),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("tickets", "steps", "workers"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = run(given.tickets, given.steps, given.workers)
    print(json.dumps(figures))
