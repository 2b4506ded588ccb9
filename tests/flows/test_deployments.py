"""What prefect.yaml and the data in deployments/ promise."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.flows import load_flow_from_entrypoint
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import get_current_settings
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
PRESETS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((ROOT / "deployments" / "schedules.yaml").read_text())
CRONS = sorted({line["cron"] for preset in PRESETS.values() for line in preset.values()})


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_entry_point_is_a_module_and_takes_the_parameters_given(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # as a worker that has nothing but nightwork installed
    assert ":" not in deployment["entrypoint"]
    flow = load_flow_from_entrypoint(deployment["entrypoint"])
    schema = parameter_schema(flow).model_dump_for_openapi()
    given = deployment.get("parameters", {})
    assert set(given) <= set(schema["properties"])
    validate(given, schema, raise_on_error=True, ignore_required=True)


def test_every_deployment_says_what_it_is_for() -> None:
    assert [each["name"] for each in DEPLOYMENTS if len(each["description"]) < 60] == []


def test_the_schedules_of_prefect_yaml_are_the_weekly_preset_and_switched_off() -> None:
    schedules = {each["name"]: each["schedules"] for each in DEPLOYMENTS if "schedules" in each}
    assert {name: [line["cron"] for line in lines] for name, lines in schedules.items()} == {
        name: [line["cron"]] for name, line in PRESETS["weekly"].items()
    }
    assert not any(line["active"] for lines in schedules.values() for line in lines)
    assert all(line["timezone"] and line["slug"] == name for name, lines in schedules.items() for line in lines)


def test_presets_schedule_deployments_that_are_there() -> None:
    names = {each["name"] for each in DEPLOYMENTS}
    assert {name for preset in PRESETS.values() for name in preset} <= names


# The local day before the clocks change, at noon.
CHANGES = [
    ("Europe/Berlin", "2026-03-28T12:00"),
    ("Europe/Berlin", "2026-10-24T12:00"),
    ("America/New_York", "2026-03-07T12:00"),
    ("America/New_York", "2026-10-31T12:00"),
]


@pytest.mark.parametrize(("zone", "noon"), CHANGES)
@pytest.mark.parametrize("cron", CRONS)
def test_a_schedule_keeps_its_local_hour_when_the_clocks_change(cron: str, zone: str, noon: str) -> None:
    begin = datetime.fromisoformat(noon)
    schedule = CronSchedule(cron=cron, timezone=zone)
    dates = asyncio.run(schedule.get_dates(n=40, start=begin.replace(tzinfo=ZoneInfo(zone))))
    on_the_wall = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in dates]
    assert on_the_wall == [_put_off(moment, zone) for moment in itertools.islice(_by_the_clock(cron, begin), 40)]
    assert len(set(dates)) == 40


def _by_the_clock(cron: str, begin: datetime) -> Iterator[datetime]:
    """Yield what the clock on the wall shows when a schedule is due, where no clock is ever changed."""
    _, hours, _, _, weekdays = (
        _field(text, size) for text, size in zip(cron.split(), (60, 24, 32, 13, 7), strict=True)
    )
    for number in itertools.count():
        moment = begin + timedelta(hours=number)
        if moment.hour in hours and moment.isoweekday() % 7 in weekdays:
            yield moment


def _field(text: str, size: int) -> set[int]:
    span, _, step = text.partition("/")
    first, _, last = span.partition("-")
    numbers = range(size) if span == "*" else range(int(first), int(last or first) + 1)
    return set(numbers[:: int(step or 1)])


def _put_off(moment: datetime, zone: str) -> datetime:
    """Return the time itself, or the hour before when the clocks are put over it: 02:00 runs at 01:00."""
    there = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return moment if there == moment else moment - timedelta(hours=1)


@pytest.mark.usefixtures("server")
def test_a_clean_checkout_can_be_deployed_and_doing_it_again_changes_nothing(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PREFECT_API_URL": str(get_current_settings().api.url),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    wanted = {each["name"] for each in DEPLOYMENTS}
    with get_client(sync_client=True) as client:  # of other tests on the same server
        for each in client.read_deployments():
            if each.name in wanted:
                client.delete_deployment(each.id)
    found: list[dict[str, Any]] = []
    for arguments in (
        ["work-pool", "create", "nightwork", "--type", "process", "--overwrite"],
        ["deploy", "--all"],
        ["deploy", "--all"],
    ):
        done = subprocess.run(
            [*prefect, *arguments], cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(_deployed())
    before, first, second = found
    assert set(first) - set(before) == wanted
    assert first == second


def _deployed() -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        changing = {"updated", "version", "version_id", "branch", "version_info", "schedules"}
        return {
            each.name: each.model_dump(mode="json", exclude=changing)
            | {"schedules": [(one.slug, one.active, one.schedule.model_dump(mode="json")) for one in each.schedules]}
            for each in client.read_deployments()
        }
