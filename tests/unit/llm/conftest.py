from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.messages import Message, Request, Tool
from nightwork.llm.prices import price_of

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.fixture
def claude():
    """Make a model that talks to a server of ours."""

    def make(server, name="claude-opus-5-5", **settings):
        credentials = Credentials(api_key=SecretStr(server.key), base_url=server.url)
        return ClaudeModel(name, credentials, price_of(name, {}), now=lambda: NOW, **settings)

    return make


@pytest.fixture
def ask():
    """Make a request from a conversation."""

    def make(*messages, system="be good", counted=None):
        view = Tool(
            name="view", description="view a file", parameters={"type": "object", "properties": {}}, strict=True
        )
        found = messages or (Message(role="user", preamble="Stage C0: go", text="id: T-1"),)
        return Request(ticket="T-1", stage="C0", turn=0, system=system, tools=(view,), messages=found, counted=counted)

    return make
