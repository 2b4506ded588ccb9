"""`nightwork list` and `show` with 1,000 runs in the database: each as a whole command, and once it has started."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from bench import server
from bench.figures import Figure, main

RUNS, TIMES, BAR_S, BUSY = 1000, 5, 1.0, 503  # a SQLite that is written to answers so
TITLE = f"Batch manager: {RUNS} runs in the database of a server that runs already"
_LABELS = {"total": 92, "completed": 90, "failed": 2, "cost_usd": 1.25, "counted_from": "2026-01-15T18:00:00+00:00"}
# What a command does after its imports, in a process that has done it once.
_ONCE_STARTED = """
import time
from prefect import get_client
from flows.tracking.finding import run_of, runs
from flows.tracking.logs import last_lines
with get_client(sync_client=True) as client:
    for _ in range(2):
        times = [time.perf_counter()]
        found = runs(client, [])
        times.append(time.perf_counter())
        every = runs(client, [], is_all=True)
        times.append(time.perf_counter())
        run = run_of(client, found[0].id, [])
        last_lines(client, run, None, 10)
        times.append(time.perf_counter())
print(len(every), *(end - begin for begin, end in zip(times, times[1:])))
"""


def measure() -> list[Figure]:
    """Make the runs as their processes would have told them, then look at them."""
    with server.running() as environment:
        name = _fill(environment["PREFECT_API_URL"])
        once = [_once_started(environment) for _ in range(TIMES)]
        if {count for count, *_ in once} != {RUNS}:
            raise RuntimeError(f"of {RUNS} runs {once[0][0]:.0f} were found")
        listed, every, shown = (statistics.median(column) for column in list(zip(*once, strict=True))[1:])
        whole = [_seconds(environment, "list"), _seconds(environment, "show", name), _seconds(environment, "--version")]
    return [
        Figure("list, once started", listed, "s", BAR_S),
        Figure("list --all, once started", every, "s", BAR_S),
        Figure("show, once started", shown, "s", BAR_S, "its log included"),
        Figure(
            "list, the whole command",
            whole[0],
            "s",
            note=f"Prefect's import included; `--version` takes {whole[2]:.1f} s",
        ),
        Figure("show, the whole command", whole[1], "s"),
    ]


def _fill(url: str) -> str:
    """Make the runs; returns the name of one."""
    name = ""
    with httpx.Client(base_url=url, timeout=60) as client:
        flow = _posted(client, "/flows/", {"name": "fix-review"})["id"]
        for number in range(RUNS):
            name = f"fix-review-b1-1-92-{20260115180000 + number}"
            run = {"flow_id": flow, "name": name, "parameters": {"track": "b1", "start": 1, "end": 92}}
            run |= {
                "labels": {f"nightwork.{key}": value for key, value in _LABELS.items()},
                "tags": ["nightwork", "track"],
            }
            made = _posted(client, "/flow_runs/", {**run, "state": {"type": "RUNNING"}})
            ended = {"state": {"type": "FAILED", "name": "Incomplete"}, "force": True}
            _posted(client, f"/flow_runs/{made['id']}/set_state", ended)
    return name


def _posted(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    for attempt in range(20):
        answer = client.post(path, json=body)
        if answer.status_code != BUSY or attempt == 19:
            break
        time.sleep(0.5)
    return answer.raise_for_status().json()


def _once_started(environment: dict[str, str]) -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-c", _ONCE_STARTED],
        cwd=Path(__file__).parents[1],
        env=environment,
        check=True,
        capture_output=True,
    )
    return tuple(float(word) for word in done.stdout.split())


def _seconds(environment: dict[str, str], *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "flows.cli", *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(TITLE, measure)
