"""Does with a repository named by its address what flows do, in a process of its own, which a test may kill.

Usage: travel_driver.py run|lease|decide ADDRESS [ARGUMENTS]; XDG_STATE_HOME is this machine's.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nightwork import stop
from nightwork.batch import open_batch, start_batch
from nightwork.decision import Kind
from nightwork.errors import NightworkError, Stopped
from nightwork.settings import RunOptions
from nightwork.stages import gates, generation, intake, review, ticket, together
from nightwork.travel import Source, glance, visit

BATCH = "night"


def run(address: str) -> None:
    """Begin or resume the batch, to its end."""
    with visit(Source(address), "a night", patience_s=60) as root:
        print("working", flush=True)
        batch, settings = start_batch(str(root), BATCH, RunOptions())
        if not batch.exists():
            selection = intake.collect(str(root), settings)
            intake.write_manifest(str(root), BATCH, settings, selection)
            intake.measure_base(str(root), BATCH)
        batch.settle_settings(RunOptions())
        with ThreadPoolExecutor(4) as pool:
            work = (ticket.scope, ticket.plan, ticket.implement, ticket.publish)
            generation.run_tickets(batch, lambda ref: pool.submit(ticket.generate_ticket, ref, *work))
            gates.run_gates(batch, lambda ref: pool.submit(gates.judge_ticket, ref))
            together.combine(batch)
        review.review(str(root), BATCH)
    print("done", flush=True)


def lease(address: str, log: str, hold_s: str, patience_s: str) -> None:
    """Hold the lease for a while; two lines in a log tell from when to when."""
    with visit(Source(address), "a turn", patience_s=float(patience_s)):
        note(log, "begin")
        deadline = time.monotonic() + float(hold_s)
        while time.monotonic() < deadline:
            time.sleep(0.02)
            stop.check()
        note(log, "end")


def note(log: str, what: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{what} {os.getpid()}\n")


def decide(address: str, name: str, kind: str, message: str) -> None:
    """Decide on a merge request; prints what holds."""
    with glance(Source(address)) as root:
        batch = open_batch(str(root), BATCH)
        print("ready", flush=True)
        sys.stdin.readline()
        taken = review.decide(batch, name, Kind(kind), message)
    print(f"holds {taken.kind} {taken.message}", flush=True)


def main() -> int:
    logging.basicConfig(level="INFO", stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    what, *arguments = sys.argv[1:]
    try:
        {"run": run, "lease": lease, "decide": decide}[what](*arguments)
    except (NightworkError, Stopped) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
