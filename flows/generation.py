"""Stage 2, overnight: agents work on the tickets, C0 -> C1 -> C2, each on a branch of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report_on, waits_shown
from flows.wiring.events import tell_abort, tell_escalation
from flows.wiring.named import resolved, take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import BatchId, Options, Repo
from flows.wiring.place import working_copy
from flows.wiring.policy import kept, refusing, uncached
from flows.wiring.runs import bind, bound_batch, nothing_to_do
from flows.wiring.slots import limit_of, slot
from flows.wiring.states import as_state
from flows.wiring.told import progress
from nightwork.agent.transcript import transcript
from nightwork.batch import TicketRef, find_batch
from nightwork.engine import guarded
from nightwork.manifest import BatchStatus
from nightwork.outcome import Outcome
from nightwork.settings import RunOptions
from nightwork.stages import generation as stage
from nightwork.stages import ticket

scope = kept("{ref.ticket} C0 scope", ticket.step_key, "C0")(ticket.scope)
plan = kept("{ref.ticket} C1 plan", ticket.step_key, "C1")(ticket.plan)
implement = kept("{ref.ticket} C2 implement", ticket.step_key, "C2")(ticket.implement)
publish = uncached("{ref.ticket} merge request")(ticket.publish)


@uncached("{ref.ticket}", name="ticket")
def work_on(ref: TicketRef, limit: str | None = None) -> State[Any]:
    """Take one ticket from C0 to its draft merge request, once there is a slot of the provider's limit."""

    def work() -> Outcome:
        with slot(limit):
            return ticket.generate_ticket(ref.restarted(), scope, plan, implement, publish)

    outcome = guarded(work)
    report_on("transcript", ref.ticket, transcript(ref.folder), ref.batch_id)
    tell_escalation(ref, outcome)
    return as_state(outcome)


@uncached("{name}", name="ticket")
def tell(name: str, outcome: Outcome) -> State[Any]:  # noqa: ARG001  the name of the run
    """Show a ticket that was not started."""
    return as_state(outcome)


@flow(name="generation", flow_run_name=run_name)
@refusing
def generation(repo: Repo = ".", batch_id: BatchId = "", options: Options = RunOptions()) -> State[Any] | None:
    """Work on every ticket of a batch that is not settled; by default of the newest batch that waits for it."""
    take_credentials(options.credentials)
    options = resolved(options, repo)
    with working_copy(repo, "generation") as place:
        batch = find_batch(place, bound_batch(batch_id), BatchStatus.PENDING, BatchStatus.RUNNING, BatchStatus.ABORTED)
        if batch is None:
            return nothing_to_do("no batch waits for agents")
        bind(batch.id)
        limit = limit_of(batch.settle_settings(options).agent.provider())
        with progress(batch.id, batch.state().items) as move, waits_shown(batch.id):

            def on_end(name: str, outcome: Outcome, items: Mapping[str, Outcome]) -> None:
                move(items)
                if outcome.started_at is None:
                    tell(name, outcome)

            stage.run_tickets(batch, lambda ref: work_on.submit(ref, limit), on_end, options)
        tell_abort(batch)
    return None
