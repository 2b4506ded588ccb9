"""A run that crashed goes on, once: its deployment's next free worker takes it up where its checkpoint stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import State, flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Completed, Crashed, Failed, Scheduled

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
        _end_stages(client, flow_run_id)
        client.set_flow_run_state(flow_run_id, Scheduled(name="AwaitingRetry", message="goes on after a crash"))
    return Completed(message=f"{run.name} goes on")


def _end_stages(client: SyncPrefectClient, flow_run_id: UUID) -> None:
    """Let the stages that ended with their run not look as if they went on."""
    chosen = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
    )
    for stage in client.read_flow_runs(flow_run_filter=chosen):
        client.set_flow_run_state(stage.id, Crashed(message="ended with the run above it"), force=True)
