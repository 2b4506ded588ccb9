"""Stage 3, early morning: run the gates on every change, score it, flag what a person must see; then all together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report, report_on
from flows.wiring.events import tell_veto
from flows.wiring.named import take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import BatchId, Repo
from flows.wiring.place import working_copy
from flows.wiring.policy import by_name, kept, refusing, uncached
from flows.wiring.runs import bind, bound_batch, nothing_to_do
from flows.wiring.states import as_state
from nightwork.batch import Batch, TicketRef, find_batch
from nightwork.engine import guarded
from nightwork.manifest import BatchStatus
from nightwork.stages import combining
from nightwork.stages import gates as stage
from nightwork.stages import together as last

gate = kept("{ref.ticket} gate {name}", stage.gate_key, also=("name", "tree", "number"))(stage.gate)
gate_together = kept("together gate {name} of {ref.count}", combining.gate_key, also=("name", "tree", "number"))(
    combining.gate
)


@uncached("{ref.ticket} gates", name="judge")
def judge(ref: TicketRef) -> State[Any]:
    """Judge one change in a clean checkout."""
    outcome = guarded(lambda: stage.judge_ticket(ref, by_name(gate)))
    report_on("gates", ref.ticket, stage.results(ref), ref.batch_id)
    tell_veto(ref, outcome)
    return as_state(outcome)


@uncached("together")
def together(repo: str, batch_id: str) -> State[Any]:
    """Find out which changes go together, and test the tree of all that do."""
    batch = Batch(Path(repo), batch_id)
    outcome = last.combine(batch, by_name(gate_together))
    report("together", batch_id, last.results(batch))
    return as_state(outcome)


@flow(name="gates", flow_run_name=run_name)
@refusing
def gates(repo: Repo = ".", batch_id: BatchId = "") -> State[Any] | None:
    """Judge every change of a batch that has no verdict; by default of the newest batch that waits for it."""
    take_credentials()
    with working_copy(repo, "gates") as place:
        batch = find_batch(place, bound_batch(batch_id), BatchStatus.RUNNING, BatchStatus.ABORTED)
        if batch is None:
            return nothing_to_do("no batch waits for the gates")
        bind(batch.id)
        stage.run_gates(batch, lambda ref: judge.submit(ref))
        together(place, batch.id, return_state=True)
    return None
