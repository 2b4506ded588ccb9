"""The overnight batch: intake, generation, gates, review. The state of its run tells how the batch ended."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.gates import gates
from flows.generation import generation
from flows.intake import intake
from flows.review import review
from flows.wiring.artifacts import report_review
from flows.wiring.events import tell_abort
from flows.wiring.named import resolved, take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import BatchId, Options, Repo
from flows.wiring.place import working_copy
from flows.wiring.policy import refusing
from flows.wiring.runs import bind, bound_batch
from flows.wiring.states import batch_state, passed_on
from nightwork.batch import start_batch
from nightwork.settings import RunOptions


@flow(name="overnight", flow_run_name=run_name)
@refusing
def overnight(repo: Repo = ".", batch_id: BatchId = "", options: Options = RunOptions()) -> State[Any]:
    """Run a batch from its tickets to the review queue; a batch that exists is resumed."""
    take_credentials(options.credentials)
    options = resolved(options, repo)
    with working_copy(repo, "overnight batch") as place:
        batch, _ = start_batch(place, bound_batch(batch_id), options)
        bind(batch.id)
        if not batch.exists():
            taken: State[Any] = intake(repo, batch.id, options, return_state=True)
        if not batch.exists():
            return passed_on(taken)
        stages: list[State[Any]] = [
            generation(repo, batch.id, options, return_state=True),
            gates(repo, batch.id, return_state=True),
            review(repo, batch.id, return_state=True),
        ]
    report_review("overnight", batch)
    state = batch_state(batch.state().items, stages)
    tell_abort(batch, state)
    return state
