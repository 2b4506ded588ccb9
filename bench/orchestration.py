"""What it costs to get a ticket through, with a model that answers at once, beside mini-swe-agent's batch runner.

Both run the same number of commands a ticket, each a process of its own, with the same number of workers, in processes
that have been started and warmed before the clock starts. Only nightwork makes a worktree, a commit on a branch and a
draft merge request for each ticket, and flushes every turn to disk before it is acted upon.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
from pathlib import Path

from bench import loops, repositories, server, shares
from bench.figures import Figure, main

TICKETS, COMMANDS, TIMES, ALONE = 40, 12, 3, 20
BAR = 1.0
TITLE = f"Orchestration: {TICKETS} tickets of {COMMANDS} commands, {loops.PARALLEL} at a time, no gates, no model time"
PEER_PYTHON = Path(".venv-bench/bin/python")
PEER = Path("bench/peers/mini_swe_agent.py")


def peer_s() -> float:
    """Return the seconds of mini-swe-agent's batch, its start and imports left out."""
    options = {"tickets": TICKETS, "steps": COMMANDS, "workers": loops.PARALLEL}
    command = [str(PEER_PYTHON), str(PEER), *(f"--{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{PEER}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    if (told["submitted"], told["commands"]) != (TICKETS, TICKETS * COMMANDS):
        raise RuntimeError(f"{PEER} did something else: {told}")
    return float(told["seconds"])


def ours_s() -> tuple[float, float]:
    """Return the seconds of the flow and of the same loop on plain threads."""
    return _through(loops.through_flow, TICKETS), _through(loops.on_threads, TICKETS)


def _through(loop: loops.Loop, tickets: int) -> float:
    with repositories.repository(**loops.SETTINGS) as root:
        return loop(loops.prepare(root, repositories.tickets(tickets), COMMANDS))


def where_it_goes() -> list[Figure]:
    """Return the milliseconds of each part of a ticket, one ticket at a time on a plain thread."""
    alone = {**loops.SETTINGS, "batch": {"parallel_agents": 1}}
    with repositories.repository(**alone) as root:
        batch = loops.prepare(root, repositories.tickets(ALONE), COMMANDS)
        with shares.taken() as seconds:
            all_s = loops.on_threads(batch)
    parts = {**seconds, "the rest, Python": all_s - sum(seconds.values())}
    return [
        Figure(f"one ticket alone: {part}", 1000 * part_s / ALONE, "ms")
        for part, part_s in sorted(parts.items(), key=lambda item: -item[1])
    ]


def measure() -> list[Figure]:
    """Return the medians of all three in turn, and the ratios to the peer."""
    if not PEER_PYTHON.exists():
        raise SystemExit("the peer is not installed; `make bench` installs it into .venv-bench")
    logging.getLogger("nightwork").setLevel(logging.WARNING)
    with server.running() as environment:
        os.environ.update(environment)
        _through(loops.through_flow, 2)
        rounds = [(peer_s(), *ours_s()) for _ in range(TIMES)]
    peer, flow, threads = (1000 * statistics.median(side) / TICKETS for side in zip(*rounds, strict=True))
    return [
        Figure("ratio of the flow to the peer", flow / peer, bar=BAR),
        Figure("ratio of plain threads to the peer", threads / peer),
        Figure("nightwork's flow, per ticket", flow, "ms"),
        Figure("nightwork on plain threads, per ticket", threads, "ms"),
        Figure("peer: mini-swe-agent, per ticket", peer, "ms"),
        Figure("Prefect, per ticket: flow less threads", flow - threads, "ms"),
        *where_it_goes(),
    ]


if __name__ == "__main__":
    main(TITLE, measure)
