"""A provider that takes no requests for a while, as the Prefect pages show it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from messages_server import Answer, Asked, MessagesServer, conversations, rate_limited
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.overnight import overnight
from nightwork.llm import credentials

pytestmark = pytest.mark.usefixtures("server")


def test_a_wait_for_the_reset_is_an_artifact_and_the_batch_goes_on_after_it(
    make_repository: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository({"A": {}}, agent={"model": "claude-opus-5-5"}, rate_limit={"hit_after": "1s"})
    script = conversations(json.loads((root / "script.yaml").read_text()))
    closed: list[float] = []

    def answer(asked: Asked) -> Answer:
        if asked.stage == "C1" and (not closed or time.time() < closed[0]):
            closed.append(time.time() + 2)
            return rate_limited("2")
        return script(asked)

    with MessagesServer(answer) as messages:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-a-test")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", messages.url)
        state = overnight(str(root), return_state=True)
        assert len(messages.requests) == 5
    credentials.hold(credentials.Credentials())
    assert state.is_completed(), state
    with get_client(sync_client=True) as client:
        shown = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["waits"])))
    assert "waiting for the reset until" in shown[0].data
    assert "hit 1 of 3" in shown[0].data
