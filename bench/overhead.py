"""What Prefect adds: the flow `generation` beside the same loop on plain threads, on a server that runs already."""

from __future__ import annotations

import logging
import os
import statistics

from bench import loops, repositories, server
from bench.figures import Figure, main

TICKETS, COMMANDS, TIMES = 40, 1, 3
BAR_MS = 25.0
TITLE = f"Flow overhead: {TICKETS} tickets, {loops.PARALLEL} at a time, {loops.TASK_RUNS} task runs each, no gates"


def measure() -> list[Figure]:
    """Return the medians of both loops in turn, and their difference for each task run."""
    logging.getLogger("nightwork").setLevel(logging.WARNING)
    with server.running() as environment:
        os.environ.update(environment)
        _seconds(2)
        pairs = [_seconds(TICKETS) for _ in range(TIMES)]
    flow, threads = (statistics.median(side) for side in zip(*pairs, strict=True))
    return [
        Figure(
            "the flow adds, per task run",
            1000 * (flow - threads) / (TICKETS * loops.TASK_RUNS),
            "ms",
            BAR_MS,
            "its start, reports and the wait for its events included",
        ),
        Figure("flow, per ticket", 1000 * flow / TICKETS, "ms"),
        Figure("peer: plain threads, per ticket", 1000 * threads / TICKETS, "ms"),
        Figure("ratio to plain threads", flow / threads),
    ]


def _seconds(tickets: int) -> tuple[float, float]:
    found = []
    for run in (loops.through_flow, loops.on_threads):
        with repositories.repository(**loops.SETTINGS) as root:
            found.append(run(loops.prepare(root, repositories.tickets(tickets), COMMANDS)))
    return found[0], found[1]


if __name__ == "__main__":
    main(TITLE, measure)
