"""A run that crashed goes on, once: its deployment's next free worker takes it up where its checkpoint stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import State, flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Completed, Crashed, Failed, Scheduled

from flows.wiring.ended import STOPPED, end_stages, set_ended
from flows.wiring.naming import run_name

RECOVERED_LABEL = "nightwork.recovered"
# What becomes of a run whose process or machine is gone. A sign of life may come after the event by which a run was
# suspended or ended, and none after it, so that its state alone tells whether it is missed.
_ALIVE: dict[StateType | None, State[Any]] = {
    StateType.PENDING: Crashed(message="A worker took it and never began; its machine is gone."),
    StateType.RUNNING: Crashed(message="No sign of life for three minutes; its process or machine is gone."),
    StateType.CANCELLING: Cancelled(message="Its process or machine was gone before it could stop."),
}


@flow(name="recover", flow_run_name=run_name)
def recover(flow_run_id: UUID, is_silent: bool = False) -> State[Any]:
    """Let a crashed run of a deployment start again; the second crash of one run is left to a person.

    One that somebody had cancelled does not, however its process ended: by two signals, or without its worker.

    A run that `is_silent` is set to Crashed, if it still counts as running or about to: that starts this flow anew.
    """
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(flow_run_id)
        if is_silent and run.state_type in _ALIVE:
            client.set_flow_run_state(flow_run_id, _ALIVE[run.state_type], force=True)
            return Completed(message=f"{run.name} was {run.state_name}")
        if run.state is None or not run.state.is_crashed():
            return Completed(name="NothingToDo", message=f"{run.name} is {run.state_name}, not crashed")
        if _was_cancelled(client, flow_run_id):
            set_ended(client, flow_run_id, Cancelled(message=STOPPED))
            return Completed(message=f"{run.name} was cancelled")
        if run.deployment_id is None:
            return Failed(name="GivenUp", message=f"{run.name} is no deployment's; `nightwork resume` goes on with it")
        if RECOVERED_LABEL in run.labels:
            return Failed(name="GivenUp", message=f"{run.name} crashed again; look at its log, then Retry it")
        client.update_flow_run_labels(flow_run_id, {RECOVERED_LABEL: "once"})
        end_stages(client, flow_run_id, run.state)
        client.set_flow_run_state(flow_run_id, Scheduled(name="AwaitingRetry", message="goes on after a crash"))
    return Completed(message=f"{run.name} goes on")


def _was_cancelled(client: SyncPrefectClient, run: UUID) -> bool:
    """Say whether somebody cancelled a run that then crashed."""
    history = sorted(client.read_flow_run_states(run), key=lambda state: state.timestamp)
    before = [state for state in history if not state.is_crashed()]
    return bool(before) and (before[-1].is_cancelling() or before[-1].is_cancelled())
