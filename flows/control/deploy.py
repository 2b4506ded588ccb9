"""Deployments on a server: made from prefect.yaml when they are missing, and brought up to date when nightwork changed.

What a person sets in the UI stays: parameters, schedules, pauses, limits, job variables, further tags.
"""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from flows.control.data import POOL, deployments, presets

DEFAULT_PRESET = "weekly"


def deploy(client: SyncPrefectClient, repo: str | None, first_repo: str, time_zone: str) -> list[str]:
    """Make every deployment be there; returns what was done to which.

    `repo` becomes the parameter of all of them; without it those that are there keep theirs and new ones take
    `first_repo`. New schedules are the weekly ones, switched off.
    """
    done = []
    for wanted in deployments():
        flow: Flow[..., Any] = load_flow_from_entrypoint(wanted["entrypoint"])
        schema = parameter_schema(flow).model_dump_for_openapi()
        try:
            found = client.read_deployment_by_name(f"{flow.name}/{wanted['name']}")
        except ObjectNotFound:
            _create(client, flow.name, wanted, schema, repo or first_repo, time_zone)
            done.append(f"deployment {wanted['name']}: made")
            continue
        changes = _changes(found, wanted, schema, repo)
        if changes:
            client.update_deployment(found.id, DeploymentUpdate(**changes))
            done.append(f"deployment {wanted['name']}: {', '.join(sorted(changes))} changed")
    return done


def named(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    """Return nightwork's deployments on a server, by name, in the order of prefect.yaml."""
    names, entrypoints = zip(*((each["name"], each["entrypoint"]) for each in deployments()), strict=True)
    # By name: without a filter a server tells the first 200 of all.
    chosen = DeploymentFilter(name=DeploymentFilterName(any_=list(names)))
    found = {
        each.name: each for each in client.read_deployments(deployment_filter=chosen) if each.entrypoint in entrypoints
    }
    return {name: found[name] for name in names if name in found}


def _create(
    client: SyncPrefectClient, flow: str, wanted: dict[str, Any], schema: dict[str, Any], repo: str, time_zone: str
) -> None:
    line = presets()[DEFAULT_PRESET].get(wanted["name"])
    cron = CronSchedule(cron=line["cron"], timezone=time_zone) if line else None
    client.create_deployment(
        flow_id=client.create_flow_from_name(flow),
        name=wanted["name"],
        entrypoint=wanted["entrypoint"],
        description=wanted["description"],
        tags=wanted["tags"],
        parameters={
            **wanted.get("parameters", {}),
            **({"repo": repo} if "repo" in wanted.get("parameters", {}) else {}),
        },
        parameter_openapi_schema=schema,
        enforce_parameter_schema=True,
        schedules=[DeploymentScheduleCreate(schedule=cron, active=False, slug=wanted["name"])] if cron else [],
        work_pool_name=POOL,
        job_variables=wanted["work_pool"]["job_variables"],
        pull_steps=[],
        **_limited(wanted.get("concurrency_limit")),
    )


def _limited(limit: dict[str, Any] | None) -> dict[str, Any]:
    """Return what bounds the runs of a deployment that have a process at the same time."""
    if limit is None:
        return {}
    options = ConcurrencyOptions(collision_strategy=limit["collision_strategy"])
    return {"concurrency_limit": limit["limit"], "concurrency_options": options}


def _changes(
    found: DeploymentResponse, wanted: dict[str, Any], schema: dict[str, Any], repo: str | None
) -> dict[str, Any]:
    """Return what of a deployment is not as this version of nightwork has it."""
    aims: dict[str, Any] = {
        "entrypoint": wanted["entrypoint"],
        "description": wanted["description"],
        "tags": [*found.tags, *(tag for tag in wanted["tags"] if tag not in found.tags)],
        "parameter_openapi_schema": schema,
        "pull_steps": [],
    }
    if repo is not None and "repo" in wanted.get("parameters", {}):
        aims["parameters"] = {**found.parameters, "repo": repo}
    has = {name: getattr(found, name) for name in aims} | {"pull_steps": found.pull_steps or []}
    return {name: aim for name, aim in aims.items() if has[name] != aim}
