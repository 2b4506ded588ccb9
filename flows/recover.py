"""A run that crashed goes on, once: its deployment's next free worker takes it up where its checkpoint stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import State, flow, get_client
from prefect.states import Completed, Failed, Scheduled

from flows.wiring.policy import run_name

RECOVERED_LABEL = "nightwork.recovered"


@flow(name="recover", flow_run_name=run_name)
def recover(flow_run_id: UUID) -> State[Any]:
    """Let a crashed run of a deployment start again; the second crash of one run is left to a person."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(flow_run_id)
        if run.state is None or not run.state.is_crashed():
            return Completed(name="NothingToDo", message=f"{run.name} is {run.state_name}, not crashed")
        if run.deployment_id is None:
            return Failed(name="GivenUp", message=f"{run.name} is no deployment's; `nightwork resume` goes on with it")
        if RECOVERED_LABEL in run.labels:
            return Failed(name="GivenUp", message=f"{run.name} crashed again; look at its log, then Retry it")
        client.update_flow_run_labels(flow_run_id, {RECOVERED_LABEL: "once"})
        client.set_flow_run_state(flow_run_id, Scheduled(name="AwaitingRetry", message="goes on after a crash"))
    return Completed(message=f"{run.name} goes on")
