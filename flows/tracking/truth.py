"""What is true of a run that the server believes to be under way: its process is looked at, or its signs of life.

A run of this machine whose process is gone has crashed, and is set so on the server. Of another machine's process only
its signs of life can tell.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectException
from prefect.states import Cancelled, Crashed

from flows.tracking.run import WORKING, Run
from flows.wiring.ended import STOPPED, set_ended
from nightwork.sandbox.mark import Life

_SILENT_S = 180.0  # as the automation "no sign of life" has it
_GONE = "its process ended without a word; nothing finished is lost"


def looked_at(
    client: SyncPrefectClient, run: FlowRun, operation: str, now: datetime, *, is_unwanted: bool = False
) -> Run:
    """Return a run as it truly is; one that has crashed unnoticed is set to Crashed.

    One that `is_unwanted` is set to Cancelled: a crashed run of a deployment would start again.
    """
    found = Run.of(run, operation)
    if run.state_type not in WORKING:
        return found
    life = found.life()
    if life is Life.GONE:
        return _ended(client, run.id, operation, is_unwanted)
    if life is Life.NOT_TOLD and run.state_type is not StateType.PENDING:
        return _from_afar(client, found, now)
    return found


def _ended(client: SyncPrefectClient, run_id: UUID, operation: str, is_unwanted: bool) -> Run:
    """Set a run whose process is gone to its end, unless it has told of its end meanwhile, or was begun anew."""
    run = client.read_flow_run(run_id)
    found = Run.of(run, operation)
    if run.state_type in WORKING and found.life() is Life.GONE:
        is_cancelled = is_unwanted or run.state_type is StateType.CANCELLING
        set_ended(client, run_id, Cancelled(message=STOPPED) if is_cancelled else Crashed(message=_GONE))
        found = Run.of(client.read_flow_run(run_id), operation)
    return found


def _from_afar(client: SyncPrefectClient, run: Run, now: datetime) -> Run:
    """Say what the signs of life of a run tell whose process is not here."""
    assert run.flow_run_id is not None
    if run.has_not_begun():
        return replace(run, message="it had not begun")
    where = str(run.labels.get("host") or "another machine")
    last = _last_sign(client, run.flow_run_id)
    if last is None:
        return replace(run, message=f"on {where}; whether it lives cannot be told from here")
    silent_s = (now - last).total_seconds()
    if silent_s < _SILENT_S:
        return replace(run, message=f"on {where}")
    return replace(run, status=f"{run.status}, no sign of life for {silent_s / 60:.0f} min", message=f"on {where}")


def _last_sign(client: SyncPrefectClient, run_id: UUID) -> datetime | None:
    """Return when a run gave its last sign of life; None when none is known."""
    wanted = {
        "filter": {
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run_id}"]},
            "order": "DESC",
        },
        "limit": 1,
    }
    try:
        events = client.request("POST", "/events/filter", json=wanted).json()["events"]
    except (httpx.HTTPError, PrefectException):
        return None
    return max((_at(event) for event in events), default=None)


def _at(event: dict[str, str]) -> datetime:
    return datetime.fromisoformat(event["occurred"].replace("Z", "+00:00")).astimezone(UTC)
