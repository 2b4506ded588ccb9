"""Runs whose process is gone and that cannot say so themselves: their record is made true, that of their stages too."""

from __future__ import annotations

from uuid import UUID

from prefect import State
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Crashed

STOPPED = "stopped; nothing finished is lost"
_UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


def set_ended(client: SyncPrefectClient, run: UUID, state: State[None]) -> None:
    """Let a run have ended in a state, with the stages that ended with it."""
    client.set_flow_run_state(run, state, force=True)
    end_stages(client, run, state)


def end_stages(client: SyncPrefectClient, run: UUID, state: State[None]) -> None:
    """Let the stages that ended with their run not look as if they went on: crashed, or cancelled as the run is."""
    chosen = FlowRunFilter(
        parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY)),
    )
    told = "ended with the run above it"
    for stage in client.read_flow_runs(flow_run_filter=chosen):
        ended: State[None] = Cancelled(message=told) if state.is_cancelled() else Crashed(message=told)
        client.set_flow_run_state(stage.id, ended, force=True)
