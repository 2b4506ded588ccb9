"""Bringing the control room up: what runs already is left alone, what is missing is made, and all of it is told."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import refresh_global_settings_context
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings

from flows.control import automations, deploy, ground, schedules, server, workers
from flows.control.server import Tell
from nightwork.control import Room
from nightwork.errors import Infrastructure
from nightwork.markdown import printable


@dataclass(frozen=True)
class Wishes:
    """What a person asked for; None leaves it as it is."""

    repo: str | None = None
    first_repo: str = "."
    schedule: str | None = None
    time_zone: str | None = None
    notify: str | None = None
    port: int | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Standing:
    """What there is now."""

    api: str
    ui: str
    server_pid: int | None
    workers: Mapping[str, int]
    repo: str
    schedules: tuple[schedules.Due, ...]
    is_paused: bool
    notified_about: int
    done: tuple[str, ...] = field(default=())


def bring_up(
    room: Room, wishes: Wishes, variables: Mapping[str, str], environment: MutableMapping[str, str], tell: Tell
) -> Standing:
    """Make server, worker and all that they need be there; `environment` is this process's, which learns the address.

    Raises BadInput before anything is started for what cannot be meant; see `server.ensure` for the rest.
    """
    time_zone = schedules.checked_zone(wishes.time_zone)
    with room.locked(tell):
        url, done = server.elsewhere(room), list[str]()
        if url is None:
            done += ["server: started"] if server.ensure(room, wishes.port, variables, tell) else []
            url = room.url()
            assert url is not None
            environment["PREFECT_API_URL"] = url
            refresh_global_settings_context()
        try:
            with get_client(sync_client=True) as client:
                done += _told(client, wishes, time_zone)
                done += [f"{name}: started" for name in workers.ensure(room, wishes.workers, url, variables, tell)]
                return _standing(client, room, url, tuple(done))
        except (httpx.HTTPError, PrefectException) as error:
            told = printable(f"{type(error).__name__}: {error}")[:500]
            raise Infrastructure(f"the Prefect server at {url}", f"{told}; `nightwork up` again goes on") from error


def _told(client: SyncPrefectClient, wishes: Wishes, time_zone: str) -> list[str]:
    """Tell the server of nightwork; returns what was new to it."""
    notify = automations.notify_block(client, wishes.notify) if wishes.notify else None
    done = ground.ensure(client)
    done += deploy.deploy(client, wishes.repo, wishes.first_repo, time_zone)
    zone = time_zone if wishes.time_zone else None
    done += schedules.apply(client, deploy.named(client), wishes.schedule, zone)
    return done + automations.ensure(client, deploy.named(client), notify)


def _standing(client: SyncPrefectClient, room: Room, url: str, done: tuple[str, ...]) -> Standing:
    deployments = deploy.named(client)
    repositories = {str(each.parameters["repo"]) for each in deployments.values() if "repo" in each.parameters}
    return Standing(
        api=url,
        ui=str(get_current_settings().ui_url or url.removesuffix("/api")),
        server_pid=room.server.pid(),
        workers={each.name: each.pid() or 0 for each in room.workers()},
        repo=", ".join(sorted(repositories)),
        schedules=tuple(schedules.due(deployments, datetime.now(UTC))),
        is_paused=ground.is_paused(client),
        notified_about=automations.notifying(client),
        done=done,
    )
