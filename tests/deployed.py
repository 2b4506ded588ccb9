"""Runs of deployments in this process, as a worker would start them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import Flow, State, get_client
from prefect.flow_engine import run_flow


def create(flow: Flow[..., Any], **parameters: Any) -> UUID:
    """Make a run of a deployment of the flow."""
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow(flow), f"{flow.name} of a test", enforce_parameter_schema=False
        )
        return client.create_flow_run_from_deployment(deployment, parameters=parameters).id


def start(flow: Flow[..., Any], run: UUID) -> State[Any]:
    """Start a run, or start it again."""
    with get_client(sync_client=True) as client:
        found = client.read_flow_run(run)
    state = run_flow(flow, flow_run=found, parameters=flow.validate_parameters(found.parameters), return_type="state")
    assert isinstance(state, State)
    return state
