from __future__ import annotations

import os
import subprocess
import sys

import pytest
from messages_server import MessagesServer, failed
from pydantic import SecretStr

from nightwork.errors import BadInput, ModelError, ProviderRefused, Unavailable
from nightwork.llm import check_key, credentials, failures, open_model
from nightwork.llm.credentials import Credentials
from nightwork.price import Price

KEY = "sk-ant-test-0123456789"


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch):
    for name in (credentials.API_KEY, credentials.AUTH_TOKEN, "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    credentials.hold(Credentials())
    yield
    credentials.hold(Credentials())


def test_the_key_leaves_the_environment_and_no_child_has_it(monkeypatch):
    monkeypatch.setenv(credentials.API_KEY, KEY)
    credentials.take_from_environment()
    assert credentials.API_KEY not in os.environ
    child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True)
    assert KEY not in child.stdout
    assert credentials.current().api_key.get_secret_value() == KEY
    credentials.take_from_environment()
    assert credentials.current().api_key.get_secret_value() == KEY


def test_a_key_is_in_no_text_of_what_holds_it(tmp_path, monkeypatch):
    monkeypatch.setenv(credentials.API_KEY, KEY)
    model = open_model("claude-opus-5-5", tmp_path)
    told = [repr(credentials.current()), str(credentials.current()), repr(model), repr(vars(model))]
    assert all(KEY not in text for text in told)
    assert failures.said(f"the key {KEY} is bad") == "the key [redacted value] is bad"


def test_a_token_serves_as_well_and_the_key_goes_first(monkeypatch):
    monkeypatch.setenv(credentials.AUTH_TOKEN, "token")
    assert credentials.current().auth_token.get_secret_value() == "token"
    monkeypatch.setenv(credentials.API_KEY, KEY)
    monkeypatch.setenv(credentials.AUTH_TOKEN, "token")
    assert credentials.current().auth_token is None
    assert credentials.AUTH_TOKEN not in os.environ


def test_variables_are_handed_on_by_name_only(monkeypatch):
    monkeypatch.setenv(credentials.API_KEY, KEY)
    monkeypatch.setenv("OTHER", "x")
    credentials.take_from_environment()
    assert credentials.variables([credentials.API_KEY, "OTHER", "NOT_THERE"]) == {
        credentials.API_KEY: KEY,
        "OTHER": "x",
    }
    assert credentials.variables([]) == {}


@pytest.mark.parametrize("key", ["", "  ", "sk\x07", "schlüssel"])
def test_a_missing_or_broken_key_is_told_before_anything_starts(tmp_path, monkeypatch, key):
    monkeypatch.setenv(credentials.API_KEY, key)
    with pytest.raises(BadInput, match="ANTHROPIC_API_KEY"):
        open_model("claude-opus-5-5", tmp_path)


def test_unknown_names_and_prices_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv(credentials.API_KEY, KEY)
    with pytest.raises(BadInput, match="unknown model 'gpt'"):
        open_model("gpt", tmp_path)
    with pytest.raises(BadInput, match="no price is known for 'claude-9'"):
        open_model("claude-9", tmp_path)
    price = Price(
        input=1, output=1, cache_write_5m=1, cache_write_1h=1, cache_read=1, context_window=9_000, max_output=900
    )
    assert open_model("gpt", tmp_path, prices={"gpt": price}).context_window == 8_100
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "proxy")
    with pytest.raises(BadInput, match="'proxy' is no address"):
        open_model("claude-opus-5-5", tmp_path)


def test_the_environment_names_another_address_and_the_key_is_checked_at_no_cost(monkeypatch):
    with MessagesServer() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv(credentials.API_KEY, KEY)
        check_key("claude-opus-5-5")
        with pytest.raises(ModelError, match="claude-nine"):
            check_key("claude-nine")
        assert server.requests == []
    with pytest.raises(Unavailable):
        check_key("claude-opus-5-5")


def test_a_refused_key_is_told(monkeypatch):
    with MessagesServer() as server:
        server.refused = failed(401, "authentication_error", "invalid x-api-key")
        credentials.hold(Credentials(api_key=SecretStr(KEY), base_url=server.url))
        with pytest.raises(ProviderRefused, match="invalid x-api-key"):
            check_key("claude-opus-5-5")
