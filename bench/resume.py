"""How long a resume takes until an agent works again: 1,500 tickets, 10 left, the real command line and server.

Both sides are processes of their own, from their start to a time noted inside: ours by the agent, a command; the peer's
by the body of an empty Prefect flow. The difference is what nightwork adds to Prefect's own start.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench import repositories, server
from bench.figures import Figure, main

TICKETS, LEFT, PARALLEL, TIMES = 1_500, 10, 8, 3
BAR_S = 3.0
WAITS_S = 120.0
TITLE = f"Resume: {TICKETS:,} tickets, {LEFT} left; seconds from the start of the command to an agent at work"

_EMPTY = """
import sys, time
from pathlib import Path
from prefect import flow

@flow(name="empty")
def empty():
    Path(sys.argv[1]).write_text(str(time.time()))

empty()
"""


def resumed_s(environment: dict[str, str]) -> float:
    """Return the seconds from the start of `nightwork resume` to the start of the first agent."""
    command = ["sh", "-c", 'date +%s.%N >> "$STARTED"; echo x > "$NIGHTWORK_TICKET.txt"']
    agent = {"kind": "command", "command": command, "pass_env": ["STARTED"]}
    with repositories.repository(agent=agent, batch={"parallel_agents": PARALLEL}) as root:
        batch = repositories.batch(root, repositories.tickets(TICKETS), settled=TICKETS - LEFT)
        started = root.parent / "started"
        arguments = ["-m", "flows.cli", "resume", batch.id, "--repo", str(root)]
        return _until_noted(arguments, started, {**environment, "STARTED": str(started)})


def empty_s(environment: dict[str, str], folder: Path) -> float:
    """Return the seconds from the start of a process to the body of its empty flow."""
    started = folder / f"empty-{time.time_ns()}"
    return _until_noted(["-c", _EMPTY, str(started)], started, environment)


def _until_noted(arguments: list[str], noted: Path, environment: dict[str, str]) -> float:
    """Start Python, wait for the first time that it notes, and end it."""
    began = time.time()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while time.time() < began + WAITS_S:
            if noted.exists() and (lines := noted.read_text().split()):
                return float(lines[0]) - began
            if process.poll() is not None:
                break
            time.sleep(0.01)
    finally:
        server.end(process)
    assert process.stderr
    raise RuntimeError(f"nothing was noted: {process.stderr.read().decode()[-2000:]}")


def measure() -> list[Figure]:
    """Return the medians of a few resumes and empty flows in turn, and their difference."""
    with server.running() as environment:
        empty_s(environment, Path(environment["PREFECT_HOME"]))  # the first one makes Prefect's own files
        pairs = [
            (resumed_s(environment), empty_s(environment, Path(environment["PREFECT_HOME"]))) for _ in range(TIMES)
        ]
    ours, empty = (statistics.median(side) for side in zip(*pairs, strict=True))
    return [
        Figure("resume beyond Prefect's start", ours - empty, "s", BAR_S, f"median of {TIMES}"),
        Figure("resume, all of it", ours, "s"),
        Figure("peer: an empty flow", empty, "s", note="import, client, flow run"),
        Figure("ratio to the empty flow", ours / empty),
    ]


if __name__ == "__main__":
    main(TITLE, measure)
