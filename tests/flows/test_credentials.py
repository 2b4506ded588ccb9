"""A key that is kept by the Prefect server, used by a flow and shown by nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from messages_server import MessagesServer, conversations
from prefect.settings import get_current_settings
from pydantic import SecretStr

from blocks.claude_credentials import ClaudeCredentials
from flows.overnight import overnight
from nightwork.batch import newest
from nightwork.errors import BadInput
from nightwork.llm import credentials
from nightwork.outcome import Status
from nightwork.settings import RunOptions

pytestmark = pytest.mark.usefixtures("server")
KEY = "sk-ant-api03-kept-by-the-server"


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    credentials.hold(credentials.Credentials())
    yield
    credentials.hold(credentials.Credentials())


def test_a_block_gives_a_flow_its_key_and_keeps_it_secret(make_repository: Callable[..., Path]) -> None:
    root = make_repository({"A": {}}, agent={"model": "claude-haiku-4-5", "models": {"C2": "claude-opus-5-5"}})
    script = json.loads((root / "script.yaml").read_text())
    with MessagesServer(conversations(script)) as messages:
        block = ClaudeCredentials(api_key=SecretStr(KEY), base_url=messages.url)
        block.save("night", overwrite=True)
        state = overnight(str(root), None, RunOptions(credentials="night"), return_state=True)
        assert [asked.body["model"] for asked in messages.requests] == ["claude-haiku-4-5"] * 2 + [
            "claude-opus-5-5"
        ] * 2
        assert all(f"Bearer {KEY}" in asked.headers.values() for asked in messages.requests)
    batch = newest(root)
    assert batch is not None
    assert state.is_completed(), state
    outcome = batch.state().items["A"]
    assert (outcome.status, outcome.cost_usd > 0) == (Status.COMPLETED, True)
    assert KEY not in repr(block) + str(block)
    assert [path for path in root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
    for place in ("logs", "artifacts", "task_runs", "flow_runs", "block_documents"):
        found = httpx.post(f"{get_current_settings().api.url}/{place}/filter", json={"limit": 200}, timeout=30)
        assert found.status_code == 200
        assert KEY not in found.text


def test_a_block_that_is_not_there_is_bad_input(make_repository: Callable[..., Path]) -> None:
    root = make_repository({"A": {}})
    with pytest.raises(BadInput, match=r"options\.credentials: no block claude-credentials/nobody"):
        overnight(str(root), None, RunOptions(credentials="nobody"))
