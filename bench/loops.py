"""The same tickets through the flow and through plain threads: nothing but the loop differs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import repositories
from nightwork.batch import Batch
from nightwork.lock import hold
from nightwork.settings import RunOptions
from nightwork.stages import generation as stage
from nightwork.stages import ticket
from nightwork.ticket import Ticket

PARALLEL = 8
STEPS = (ticket.scope, ticket.plan, ticket.implement, ticket.publish)
# One ticket: the ticket's own task, C0, C1, C2 and the merge request.
TASK_RUNS = 1 + len(STEPS)
SETTINGS: dict[str, Any] = {
    "agent": {"model": "scripted:script.json"},
    "batch": {"parallel_agents": PARALLEL},
    "sandbox": {"confine": False},  # as the peer's commands are; bench.sandbox tells what confining them adds
}

Loop = Callable[[Batch], float]


def prepare(root: Path, tickets: Sequence[Ticket], commands: int) -> Batch:
    """Write a batch and a script for its model: so many commands a ticket, the last of which makes a file."""
    write_script(root, tickets, commands)
    return repositories.batch(root, tickets)


def write_script(root: Path, tickets: Sequence[Ticket], commands: int) -> None:
    """Write what the model says: so many commands a ticket, the last of which makes a file."""
    (root / "script.json").write_text(json.dumps({ticket.id: _turns(ticket, commands) for ticket in tickets}))


def _turns(ticket: Ticket, commands: int) -> dict[str, list[list[dict[str, Any]]]]:
    lines = [["echo", "step"]] * (commands - 1) + [["touch", f"{ticket.id}.txt"]]
    return {
        "C0": [[{"submit_scope": {"objective": ticket.title, "in_scope": [ticket.id]}}]],
        "C1": [[{"submit_plan": {"approach": "add a file"}}]],
        "C2": [*([{"run": {"command": line}}] for line in lines), [{"submit_work": {"summary": ticket.title}}]],
    }


def through_flow(batch: Batch) -> float:
    """Work on a batch through `flows.generation`; returns its seconds."""
    from flows.generation import generation

    started = time.perf_counter()
    generation(str(batch.repository), batch.id)
    return _checked(batch, time.perf_counter() - started)


def on_threads(batch: Batch) -> float:
    """Work on a batch as the flow does, with a thread pool in Prefect's place; returns its seconds."""
    started = time.perf_counter()
    with hold(batch.repository, "a benchmark"), ThreadPoolExecutor(PARALLEL) as pool:
        batch.settle_settings(RunOptions())
        stage.run_tickets(batch, lambda ref: pool.submit(ticket.generate_ticket, ref, *STEPS))
    return _checked(batch, time.perf_counter() - started)


def _checked(batch: Batch, seconds: float) -> float:
    wrong = [f"{name}: {o.label()}: {o.message}" for name, o in batch.state().items.items() if not o.has_landed()]
    if wrong:
        raise RuntimeError(f"{len(wrong)} tickets did not complete: {wrong[0]}")
    return seconds
