"""What happens at night arrives at the server as events, on which automations act."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import get_current_settings

from flows.overnight import overnight
from nightwork.settings import RunOptions
from nightwork.workspace import Repository

pytestmark = pytest.mark.usefixtures("server")
HOSTILE = "![x](http://evil.example/i.png) <b>now</b> {{ secrets }}"
OPTIONS = [{"name": "one", "description": "a"}, {"name": "two", "description": "b"}]
CONTEXT = {"tried": "reading", "why": "both fit", "blocks": "the work"}
ASK = {
    "escalate": {
        "trigger": "data",
        "summary": HOSTILE,
        "context": CONTEXT,
        "options": OPTIONS,
        "recommendation": "one",
    }
}


def events(batch_id: str, wanted: int) -> dict[str, dict[str, Any]]:
    """Return the events of a batch by name, once so many have arrived."""
    asked = {"filter": {"resource": {"id_prefix": [f"nightwork.{batch_id}."]}}, "limit": 50}
    for _ in range(200):
        found = httpx.post(f"{get_current_settings().api.url}/events/filter", json=asked, timeout=30).json()["events"]
        if len(found) >= wanted:
            break
        time.sleep(0.1)
    return {event["event"]: event for event in found}


def test_a_night_tells_what_a_person_has_to_know(make_repository: Callable[..., Path]) -> None:
    leak = "test ! -e B.txt || { echo 'B.txt holds a secret'; exit 1; }"
    root = make_repository({"A": {}, "B": {}, "C": {}}, {"C": {"C0": [[ASK]]}}, {"tests": "true", "secrets": leak})
    text = (root / "nightwork.yaml").read_text().replace("measures: syntax", "measures: security")
    (root / "nightwork.yaml").write_text(text.replace("model: scripted", "fix_rounds: 0\n  model: scripted"))
    overnight(str(root), "told", RunOptions(), return_state=True)
    found = events("told", 3)
    asked, vetoed = found.pop("nightwork.ticket.escalated"), found.pop("nightwork.change.vetoed")
    ready = found.pop("nightwork.batch.ready")
    assert found == {}
    assert asked["resource"]["prefect.resource.id"] == "nightwork.told.C"
    assert asked["payload"]["repo"] == Repository(root).identity()
    assert asked["payload"]["text"].startswith("C (Add C) asks: data: ")
    assert "](" not in asked["payload"]["text"].replace("\\]", "")
    assert "<b>" not in asked["payload"]["text"].replace("\\<", "")
    assert vetoed["payload"]["ticket"] == "B"
    assert "B (Add B) is vetoed by secrets" in vetoed["payload"]["text"]
    assert ready["resource"]["prefect.resource.id"] == "nightwork.told.-"
    assert "1 of 2 ready" in ready["payload"]["text"]
    assert "1 escalation to answer" in ready["payload"]["text"]


def test_a_batch_that_ends_early_is_told_once(make_repository: Callable[..., Path]) -> None:
    root = make_repository({"A": {}})
    overnight(str(root), "broke", RunOptions(budget_usd=0), return_state=True)
    found = events("broke", 1)
    assert set(found) == {"nightwork.batch.aborted"}
    assert "1 aborted" in found["nightwork.batch.aborted"]["payload"]["text"]
