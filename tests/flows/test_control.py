"""What `nightwork up` tells a server: all at first, nothing when told again, and never over a person's head."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events.schemas.automations import AutomationCore

from blocks.notification import Notification
from flows.control import automations, data, deploy, ground, schedules
from nightwork.errors import BadInput


@pytest.fixture(scope="module")
def client(server: None) -> Iterator[SyncPrefectClient]:
    """A server that was told of nightwork, as a first `nightwork up` does; the tests go on from each other."""
    with get_client(sync_client=True) as found:
        for deployment in deploy.named(found).values():
            found.delete_deployment(deployment.id)
        ground.ensure(found)
        deploy.deploy(found, None, "/first", "Europe/Berlin")
        automations.ensure(found, deploy.named(found), None)
        yield found


def webhook() -> str:
    name = f"w{uuid4().hex[:8]}"
    CustomWebhookNotificationBlock(name="x", url="http://127.0.0.1:9/").save(name, _sync=True)
    return f"custom-webhook/{name}"


def lines(client: SyncPrefectClient) -> dict[str, tuple[str, str, bool]]:
    found = schedules.due(deploy.named(client), datetime(2026, 3, 1, tzinfo=UTC))
    return {each.deployment: (each.cron, each.time_zone, each.next is not None) for each in found}


def test_at_first_nothing_starts_by_itself_and_then_what_is_asked_for(client: SyncPrefectClient) -> None:
    def preset(name: str, zone: str) -> dict[str, tuple[str, str, bool]]:
        found = data.presets()[name].items()
        return {key: (line["cron"], zone, line.get("active", True)) for key, line in found}

    assert {each.parameters.get("repo") for each in deploy.named(client).values()} == {"/first", None}
    at_first = {key: (cron, zone, False) for key, (cron, zone, _) in preset("weekly", "Europe/Berlin").items()}
    assert lines(client) == at_first
    schedules.apply(client, deploy.named(client), "daily", None)
    assert lines(client) == preset("daily", "Europe/Berlin")
    schedules.apply(client, deploy.named(client), "continuous", "America/New_York")
    off = {key: lines(client)[key] for key in ("intake", "generation", "gates")}
    assert lines(client) == {**off, **preset("continuous", "America/New_York")}
    assert not any(is_on for _, _, is_on in off.values())
    assert schedules.apply(client, deploy.named(client), "continuous", None) == []
    schedules.apply(client, deploy.named(client), "off", None)
    assert not any(is_on for _, _, is_on in lines(client).values())
    schedules.apply(client, deploy.named(client), None, "Asia/Tokyo")
    assert {zone for _, zone, _ in lines(client).values()} == {"Asia/Tokyo"}
    deploy.deploy(client, "/second", "/third", "Etc/UTC")
    found = deploy.named(client)
    assert {each.parameters.get("repo") for each in found.values()} == {"/second", None}
    assert found["recover"].parameters == {}


def test_what_is_told_again_changes_nothing(client: SyncPrefectClient) -> None:
    notify = automations.notify_block(client, webhook())
    automations.ensure(client, deploy.named(client), notify)
    assert ground.ensure(client) == []
    assert deploy.deploy(client, None, "/elsewhere", "Etc/UTC") == []
    assert automations.ensure(client, deploy.named(client), notify) == []
    assert automations.ensure(client, deploy.named(client), None) == []
    assert schedules.apply(client, deploy.named(client), None, None) == []


def test_what_a_person_set_in_the_ui_stays(client: SyncPrefectClient) -> None:
    night = deploy.named(client)["overnight"]
    chosen = {"repo": "/mine", "options": {"parallel_agents": 2}}
    client.update_deployment(
        night.id, DeploymentUpdate(parameters=chosen, tags=[*night.tags, "mine"], concurrency_limit=3, paused=True)
    )
    client.update_global_concurrency_limit("agents-anthropic", GlobalConcurrencyLimitUpdate(limit=2))
    (automation,) = client.read_automations_by_name("nightwork: no sign of life")
    changed = {**automation.model_dump(exclude={"id", "owner_resource"}), "enabled": False}
    client.update_automation(automation.id, AutomationCore.model_validate(changed))
    assert ground.ensure(client) + deploy.deploy(client, None, ".", "Etc/UTC") == []
    assert automations.ensure(client, deploy.named(client), None) == []
    night = deploy.named(client)["overnight"]
    assert night.parameters == chosen
    assert (night.paused, "mine" in night.tags) == (True, True)
    assert client.read_global_concurrency_limit_by_name("agents-anthropic").limit == 2
    assert not client.read_automation(automation.id).enabled  # type: ignore[union-attr]


def test_what_an_older_nightwork_has_left_is_brought_up_to_date(client: SyncPrefectClient) -> None:
    gates = deploy.named(client)["gates"]
    client.update_deployment(gates.id, DeploymentUpdate(description="old", tags=gates.tags))
    assert deploy.deploy(client, None, ".", "Etc/UTC") == ["deployment gates: description changed"]


def test_a_schedule_of_a_person_stays_beside_those_of_a_preset(client: SyncPrefectClient) -> None:
    night = deploy.named(client)["overnight"]
    mine = DeploymentScheduleCreate(schedule=CronSchedule(cron="7 7 * * 7", timezone="Etc/UTC"), slug="mine")
    often = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=86400.0), slug="often")
    client.create_deployment_schedules(night.id, [mine, often])
    for preset in ("continuous", "weekly", "off"):
        schedules.apply(client, deploy.named(client), preset, "Asia/Tokyo")
        found = {each.slug: each for each in client.read_deployment_schedules(night.id)}
        assert found["mine"].active and found["mine"].schedule == mine.schedule
        assert found["often"].active


def test_module_specs_that_a_person_switched_on_stay_on(client: SyncPrefectClient) -> None:
    specs = deploy.named(client)["module-specs"]
    client.update_deployment_schedule(specs.id, specs.schedules[0].id, active=True)
    schedules.apply(client, deploy.named(client), "daily", None)
    assert lines(client)["module-specs"][2]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "\x00"])
def test_a_time_zone_that_nobody_knows_is_refused(name: str) -> None:
    if name:
        with pytest.raises(BadInput, match="--time-zone"):
            schedules.checked_zone(name)
    else:
        assert schedules.checked_zone(None)


def test_automations_that_notify_are_made_when_there_is_somewhere_to_and_follow_it(client: SyncPrefectClient) -> None:
    for _ in range(2):
        notify = automations.notify_block(client, webhook())
        automations.ensure(client, deploy.named(client), notify)
        sending = [each for each in client.read_automations(limit=200) if hasattr(each.actions[0], "block_document_id")]
        assert len(sending) == sum("about" in each for each in data.automations())
        assert {each.actions[0].block_document_id for each in sending} == {notify.block_id}


def test_a_block_of_our_own_chooses_what_is_notified_about(client: SyncPrefectClient) -> None:
    automations.ensure(client, deploy.named(client), automations.notify_block(client, webhook()))
    block = Notification(block=webhook(), about={"aborted", "ready"})
    block.save("team", overwrite=True, _sync=True)
    automations.ensure(client, deploy.named(client), automations.notify_block(client, "nightwork-notification/team"))
    about = {each["name"]: each["about"] for each in data.automations() if "about" in each}
    left = {about[each.name] for each in client.read_automations(limit=200) if each.name in about}
    assert left == {"aborted", "ready"}


@pytest.mark.parametrize("name", ["team", "slack-webhook/nobody", "/", "a/b/c", "custom-webhook/"])
def test_a_notification_block_that_is_not_there_is_refused(client: SyncPrefectClient, name: str) -> None:
    with pytest.raises(BadInput, match="--notify"):
        automations.notify_block(client, name)


def test_a_block_that_cannot_notify_is_refused(client: SyncPrefectClient) -> None:
    Secret(value="x").save("no-notification", overwrite=True, _sync=True)
    with pytest.raises(BadInput, match="no notification block"):
        automations.notify_block(client, "secret/no-notification")


def test_an_automation_leads_to_the_deployment_that_is_there_now(client: SyncPrefectClient) -> None:
    client.delete_deployment(deploy.named(client)["recover"].id)
    deploy.deploy(client, None, ".", "Etc/UTC")
    assert len(automations.ensure(client, deploy.named(client), None)) == 3
    (found,) = client.read_automations_by_name("nightwork: go on after a crash")
    assert found.actions[0].deployment_id == deploy.named(client)["recover"].id  # type: ignore[union-attr]


def test_what_a_person_added_to_an_automation_stays_when_notifications_go_elsewhere(client: SyncPrefectClient) -> None:
    first, added = (automations.notify_block(client, webhook()) for _ in range(2))
    automations.ensure(client, deploy.named(client), first)
    (found,) = client.read_automations_by_name("nightwork: an agent has a question")
    changed = found.model_dump(mode="json", exclude={"id", "owner_resource"})
    changed["actions"][0]["body"] = "mine"
    changed["actions"].append({**changed["actions"][0], "block_document_id": str(added.block_id)})
    client.update_automation(found.id, AutomationCore.model_validate(changed))
    now = automations.notify_block(client, webhook())
    automations.ensure(client, deploy.named(client), now)
    (found,) = client.read_automations_by_name("nightwork: an agent has a question")
    assert [(each.block_document_id, each.body) for each in found.actions] == [  # type: ignore[union-attr]
        (now.block_id, "mine"),
        (added.block_id, "mine"),
    ]
