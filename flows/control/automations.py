"""Automations on a server: made when they are missing; what a person changed of one stays, whether it is on as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from flows.control.data import automations
from nightwork.errors import bad_input

# The block of nightwork that names another one, and about what it tells.
_OURS = "nightwork-notification"
_NOTIFY = "notify"
_TARGETS = frozenset({"deployment_id", "block_document_id"})


@dataclass(frozen=True)
class Notify:
    """Where notifications go, and about what; None is everything."""

    block_id: UUID
    about: Collection[str] | None = None


def notify_block(client: SyncPrefectClient, name: str) -> Notify:
    """Find a notification block by `type/name`; raises BadInput when there is none, or when it cannot notify."""
    slug, _, document = name.partition("/")
    if not slug or not document:
        raise bad_input(
            "--notify", f"expected TYPE/NAME of a notification block, such as slack-webhook/team, not {name!r}"
        )
    try:
        found = client.read_block_document_by_name(document, slug, include_secrets=False)
    except ObjectNotFound as error:
        told = f"there is no block {name!r}; make it in the UI under Blocks, then try again"
        raise bad_input("--notify", told) from error
    if slug == _OURS:
        block = str(found.data["block"])
        if block.startswith(f"{_OURS}/"):
            raise bad_input("--notify", f"{name!r} names {block!r}, which sends nothing itself")
        beneath = notify_block(client, block)
        return Notify(beneath.block_id, found.data.get("about"))
    capabilities = found.block_schema.capabilities if found.block_schema else []
    if _NOTIFY not in capabilities:
        raise bad_input("--notify", f"{name!r} is no notification block; expected one that can send a message")
    return Notify(found.id)


def ensure(
    client: SyncPrefectClient, deployments: Mapping[str, DeploymentResponse], notify: Notify | None
) -> list[str]:
    """Make every automation be there; returns what was done.

    Those that notify are made only when there is somewhere to, and removed when `notify` is not about them.
    """
    done = []
    for wanted in automations():
        found = next(iter(client.read_automations_by_name(wanted["name"])), None)
        if _is_unwanted(wanted, notify):
            if found is not None:
                client.delete_automation(found.id)
                done.append(f"automation {wanted['name']!r}: removed")
            continue
        actions = _actions(wanted, deployments, notify)
        if actions is None:
            continue
        if found is None:
            client.create_automation(AutomationCore.model_validate({**wanted, "actions": actions}))
            done.append(f"automation {wanted['name']!r}: made")
        elif _redirect(kept := found.model_dump(mode="json", exclude={"id", "owner_resource"}), actions):
            client.update_automation(found.id, AutomationCore.model_validate(kept))
            done.append(f"automation {wanted['name']!r}: its action leads to what is there now")
    return done


def _is_unwanted(wanted: dict[str, Any], notify: Notify | None) -> bool:
    """Say whether an automation notifies about what the block is not about."""
    about = wanted.get("about")
    return about is not None and notify is not None and notify.about is not None and about not in notify.about


def _actions(
    wanted: dict[str, Any], deployments: Mapping[str, DeploymentResponse], notify: Notify | None
) -> list[dict[str, Any]] | None:
    """Return the actions as the API takes them; None when there is nowhere to notify."""
    actions = []
    for action in wanted["actions"]:
        if "run" in action:
            target = deployments[action["run"].partition("/")[2]]
            actions.append(
                {"type": "run-deployment", "deployment_id": str(target.id), "parameters": action["parameters"]}
            )
        elif "notify" in action:
            if notify is None:
                return None
            actions.append({"type": "send-notification", "block_document_id": str(notify.block_id), **action["notify"]})
        else:
            actions.append(action)
    return actions


def _redirect(found: dict[str, Any], actions: list[dict[str, Any]]) -> bool:
    """Let actions of an automation lead to the deployment or block wanted; says whether any led elsewhere.

    Only the first of each type is ours: what a person has added or reworded stays.
    """
    changed = False
    for action in actions:
        same: dict[str, Any] = next((each for each in found["actions"] if each["type"] == action["type"]), {})
        for name in same.keys() & _TARGETS:
            changed |= same[name] != action[name]
            same[name] = action[name]
    return changed


def notifying(client: SyncPrefectClient) -> int:
    """Return how many of nightwork's automations that notify are there and switched on."""
    names = {each["name"] for each in automations() if "about" in each}
    return sum(each.enabled for each in client.read_automations(limit=200) if each.name in names)
