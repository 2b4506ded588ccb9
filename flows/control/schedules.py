"""Schedules by the size of the team, applied to a server; schedules that a person made beside them stay."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import tzlocal
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule

from flows.control.data import presets
from nightwork.errors import bad_input

OFF = "off"


@dataclass(frozen=True)
class Due:
    """A schedule of a deployment, and when it starts a run next; None while it is switched off."""

    deployment: str
    cron: str
    time_zone: str
    next: datetime | None


def checked_zone(name: str | None) -> str:
    """Return a time zone's name, by default the machine's; raises BadInput for one that nobody knows."""
    try:
        return zoneinfo.ZoneInfo(name or tzlocal.get_localzone_name() or "Etc/UTC").key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        told = f"is no time zone: {name!r}; expected a name such as 'Europe/Berlin' or 'Etc/UTC'"
        raise bad_input("--time-zone", told) from error


def apply(
    client: SyncPrefectClient, deployments: Mapping[str, DeploymentResponse], preset: str | None, time_zone: str | None
) -> list[str]:
    """Put a preset in place and switch it on, or all of its schedules off; returns what was changed.

    Without a preset only a time zone that is given is changed.
    """
    if preset is None and time_zone is None:
        return []
    done = []
    for name, deployment in deployments.items():
        ours = [schedule for schedule in deployment.schedules if schedule.slug == name]
        line = None if preset in {None, OFF} else presets()[str(preset)].get(name)
        for schedule in ours:
            if preset is None and time_zone is not None:
                done += _in_zone(client, deployment, schedule, time_zone)
            elif preset == OFF or line is None:
                done += _switched_off(client, deployment, schedule)
            else:
                done += _as_line(client, deployment, schedule, line, time_zone)
        if line is not None and not ours:
            cron = CronSchedule(cron=line["cron"], timezone=checked_zone(time_zone))
            made = DeploymentScheduleCreate(schedule=cron, active=line.get("active", True), slug=name)
            client.create_deployment_schedules(deployment.id, [made])
            done.append(f"schedule {name}: {line['cron']} {cron.timezone}")
    return done


def _as_line(
    client: SyncPrefectClient,
    deployment: DeploymentResponse,
    schedule: DeploymentSchedule,
    line: dict[str, Any],
    time_zone: str | None,
) -> list[str]:
    """Make a schedule as a line of a preset; the time zone stays unless one is given."""
    here = getattr(schedule.schedule, "timezone", None)
    aim = CronSchedule(cron=line["cron"], timezone=time_zone or here or checked_zone(None))
    active = schedule.active or line.get("active", True)
    if schedule.schedule == aim and schedule.active == active:
        return []
    client.update_deployment_schedule(deployment.id, schedule.id, active=active, schedule=aim)
    return [f"schedule {deployment.name}: {aim.cron} {aim.timezone}{'' if active else ', off'}"]


def _in_zone(
    client: SyncPrefectClient, deployment: DeploymentResponse, schedule: DeploymentSchedule, time_zone: str
) -> list[str]:
    if getattr(schedule.schedule, "timezone", None) == time_zone:
        return []
    aim = schedule.schedule.model_copy(update={"timezone": time_zone})
    client.update_deployment_schedule(deployment.id, schedule.id, schedule=aim)
    return [f"schedule {deployment.name}: {time_zone}"]


def _switched_off(client: SyncPrefectClient, deployment: DeploymentResponse, schedule: DeploymentSchedule) -> list[str]:
    if not schedule.active:
        return []
    client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    return [f"schedule {deployment.name}: off"]


def due(deployments: Mapping[str, DeploymentResponse], now: datetime) -> list[Due]:
    """Return all schedules of nightwork's deployments, those that start a run soonest first."""
    found = [
        Due(name, each.schedule.cron, each.schedule.timezone or "Etc/UTC", _next(each, deployment.paused, now))
        for name, deployment in deployments.items()
        for each in deployment.schedules
        if isinstance(each.schedule, CronSchedule)
    ]
    return sorted(found, key=lambda each: (each.next is None, each.next or datetime.max.replace(tzinfo=UTC)))


def _next(schedule: DeploymentSchedule, is_paused: bool, now: datetime) -> datetime | None:
    if not schedule.active or is_paused:
        return None
    from prefect.server.schemas.schedules import CronSchedule as Computed  # a second of imports

    dates = asyncio.run(Computed(**schedule.schedule.model_dump()).get_dates(n=1, start=now))
    return dates[0] if dates else None
