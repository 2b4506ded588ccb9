from __future__ import annotations

from dataclasses import replace

import pytest
from messages_server import (
    Answer,
    Faults,
    MessagesServer,
    cut,
    failed,
    overloaded,
    rate_limited,
    refusal,
    text,
    tools,
)
from pydantic import SecretStr

from nightwork import stop
from nightwork.errors import (
    ContextOverflow,
    ModelError,
    ProviderRefused,
    RateLimited,
    Stopped,
    ThinkingRefused,
    Unavailable,
)
from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.messages import Message, ToolCall, ToolResult
from nightwork.llm.prices import price_of

LONG = text("word " * 200)


def complete(claude, ask, answer, **settings):
    with MessagesServer([answer]) as server:
        model = claude(server, **settings)
        try:
            return model.complete(ask())
        finally:
            assert len(server.requests) == 1


def test_a_reply_holds_text_calls_and_what_it_cost(claude, ask):
    reply = complete(claude, ask, tools(view={"path": "ä.txt"}, say="Let me look."))
    (call,) = reply.message.calls
    assert (reply.message.text, call.name, call.input) == ("Let me look.", "view", {"path": "ä.txt"})
    assert (reply.stop_reason, reply.message.model, reply.message.blocks) == ("tool_use", "claude-opus-5-5", ())
    usage = reply.usage
    assert usage.cache_write_tokens > 0
    expected = (usage.input_tokens * 4 + usage.cache_write_tokens * 5 + usage.output_tokens * 20) / 1e6
    assert usage.cost_usd == pytest.approx(expected)


def test_an_hour_in_the_cache_costs_its_own_rate(claude, ask):
    reply = complete(claude, ask, text("yes"), cache_ttl="1h")
    usage = reply.usage
    assert usage.cost_usd == pytest.approx((usage.cache_write_tokens * 8 + usage.output_tokens * 20) / 1e6)


def test_thinking_goes_back_unchanged_and_in_its_place(claude, ask):
    with MessagesServer([tools(view={"path": "a"}, say="First.", think="Hm. " * 30), text("done")]) as server:
        model = claude(server)
        first = ask()
        said = model.complete(first).message
        answered = Message(role="user", results=(ToolResult(call_id=said.calls[0].id, text="one"),))
        model.complete(ask(*first.messages, Message.model_validate_json(said.model_dump_json()), answered))
        content = server.requests[1].body["messages"][1]["content"]
        assert [block["type"] for block in content] == ["thinking", "text", "tool_use"]
        assert content[0]["signature"]


def test_thinking_goes_to_no_other_model(claude, ask):
    with MessagesServer([tools(view={"path": "a"}, think="Hm."), text("done")]) as server:
        first = ask()
        said = claude(server).complete(first).message
        answered = Message(role="user", results=(ToolResult(call_id=said.calls[0].id, text="one"),))
        claude(server, "claude-haiku-4-5").complete(ask(*first.messages, said, answered))
        assert [b["type"] for b in server.requests[1].body["messages"][1]["content"]] == ["tool_use"]


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (failed(401, "authentication_error", "invalid x-api-key"), ProviderRefused, "invalid x-api-key"),
        (failed(403, "permission_error", "not yours"), ProviderRefused, "not yours"),
        (failed(402, "billing_error", "pay"), ProviderRefused, "pay"),
        (failed(400, "invalid_request_error", "Your credit balance is too low"), ProviderRefused, "credit"),
        (
            failed(400, "invalid_request_error", "You have reached your specified API usage limits."),
            ProviderRefused,
            "",
        ),
        (failed(429, "rate_limit_error", "x", "enforced_spend_limit_reached"), ProviderRefused, "x"),
        (failed(404, "not_found_error", "model: claude-x"), ModelError, "model: claude-x"),
        (failed(400, "invalid_request_error", "tools.0: bad\x1b[2J" + "x" * 1000), ModelError, "bad"),
        (failed(400, "invalid_request_error", "Invalid `signature` in `thinking` block"), ThinkingRefused, "signature"),
        (failed(422, "invalid_request_error", "no"), ModelError, "no"),
        (failed(400, "invalid_request_error", "prompt is too long: 3 tokens > 2 maximum"), ContextOverflow, "too long"),
        (failed(413, "request_too_large", "too large"), ContextOverflow, "too large"),
        (failed(500), Unavailable, "status 500"),
        (failed(502), Unavailable, "502"),
        (overloaded(), Unavailable, "Overloaded"),
        (failed(408, "timeout_error"), Unavailable, "408"),
        (failed(409, "conflict_error"), Unavailable, "409"),
        (Answer(body=b"<html>bad gateway</html>"), Unavailable, "no end"),
        (Answer(body=b"\xff\xfe"), Unavailable, ""),
    ],
)
def test_a_failed_call_says_what_it_means(claude, ask, answer, error, told):
    with pytest.raises(error) as caught:
        complete(claude, ask, answer)
    assert type(caught.value) is error
    assert told in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("events", range(7))
@pytest.mark.parametrize("fault", ["cut_after", "end_after", "garbage_after"])
def test_an_answer_without_its_end_may_be_asked_for_again(claude, ask, fault, events):
    with pytest.raises(Unavailable):
        complete(claude, ask, replace(LONG, **{fault: events}))


@pytest.mark.parametrize(
    ("answer", "cost_usd"),
    [(cut(LONG, 0), None), (cut(LONG, 8), None), (Answer(body=b"<html>"), None), (failed(500), 0), (overloaded(), 0)],
)
def test_what_a_failed_call_has_cost_is_told_or_not_known(claude, ask, answer, cost_usd):
    with pytest.raises(Unavailable) as caught:
        complete(claude, ask, answer)
    assert caught.value.cost_usd == cost_usd


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", Unavailable),
        ("rate_limit_error", Unavailable),
        ("api_error", Unavailable),
        ("authentication_error", ProviderRefused),
        ("invalid_request_error", ModelError),
    ],
)
def test_an_error_in_the_middle_of_an_answer_says_what_it_means(claude, ask, kind, error):
    with pytest.raises(error) as caught:
        complete(claude, ask, replace(LONG, error_after=4, error=(kind, "sorry")))
    assert "sorry" in str(caught.value)


def test_a_stream_that_hangs_is_given_up(claude, ask):
    with pytest.raises(Unavailable, match="ReadTimeout"):
        complete(claude, ask, replace(LONG, pause_s=1.0), read_timeout_s=0.2)
    with pytest.raises(Unavailable, match=r"[Tt]imed out"):
        complete(claude, ask, replace(LONG, wait_s=1.0), read_timeout_s=0.2)


def test_a_provider_that_is_not_there_is_unavailable(claude, ask):
    with MessagesServer() as server:
        model = claude(server)
    with pytest.raises(Unavailable) as caught:
        model.complete(ask())
    assert caught.value.cost_usd == 0


def test_a_wish_to_stop_ends_a_call(claude, ask):
    with MessagesServer([replace(LONG, pause_s=0.3)]) as server:
        stop.request("a test")
        try:
            with pytest.raises(Stopped):
                claude(server).complete(ask())
        finally:
            stop.reset()


SATURDAY_0300 = {"anthropic-ratelimit-tokens-reset": "2026-11-21T03:00:00Z"}
EXHAUSTED = {"anthropic-ratelimit-tokens-remaining": "0", **SATURDAY_0300}


@pytest.mark.parametrize(
    ("retry_after", "headers", "seconds"),
    [
        ("30", {}, 30.0),
        ("0", {}, 0.0),
        ("1.5", {}, 1.5),
        ("Sat, 21 Nov 2026 02:10:00 GMT", {}, 600.0),
        ("30", EXHAUSTED, 30.0),
        (None, EXHAUSTED, 3600.0),
        (None, {**EXHAUSTED, "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-21T05:00:00Z"}, 10800.0),
        (None, {**EXHAUSTED, "anthropic-ratelimit-requests-remaining": "7",
                "anthropic-ratelimit-requests-reset": "2026-11-21T05:00:00Z"}, 3600.0),
        (None, SATURDAY_0300, None),
        (None, {}, None),
        ("-5", {}, None),
        ("nan", {}, None),
        ("inf", {}, None),
        ("1e300", {}, None),
        ("soon", {}, None),
        ("", {}, None),
        ("99999999", {}, None),
        ("Sat, 21 Nov 2026 01:00:00 GMT", {}, None),
        ("-5", EXHAUSTED, 3600.0),
        (None, {**EXHAUSTED, "anthropic-ratelimit-tokens-reset": "9999-01-01T00:00:00Z"}, None),
        (None, {**EXHAUSTED, "anthropic-ratelimit-tokens-reset": "later"}, None),
    ],
)  # fmt: skip
def test_a_rate_limit_tells_when_it_ends_or_that_nobody_knows(claude, ask, retry_after, headers, seconds):
    with pytest.raises(RateLimited) as caught:
        complete(claude, ask, rate_limited(retry_after, **headers))
    assert caught.value.args == ("anthropic", seconds)


def test_a_call_that_was_cut_in_the_middle_is_dropped_and_whole_ones_stay(claude, ask):
    half = {"type": "tool_use", "name": "edit", "raw": '{"path": "a", "new": "xx'}
    answer = Answer(blocks=(*tools(view={"path": "a"}).blocks, half), stop_reason="max_tokens")
    reply = complete(claude, ask, answer)
    assert [call.name for call in reply.message.calls] == ["view"]
    alone = complete(claude, ask, Answer(blocks=(half,), stop_reason="max_tokens"))
    assert (alone.message.calls, alone.stop_reason) == ((), "max_tokens")


@pytest.mark.parametrize("raw", ["{no", "[1]", '"x"', '{"a": NaN}', "[" * 100_000])
def test_an_input_that_is_no_json_object_says_so(claude, ask, raw):
    answer = Answer(blocks=({"type": "tool_use", "name": "edit", "raw": raw},), stop_reason="tool_use")
    (call,) = complete(claude, ask, answer).message.calls
    assert call.input == {}
    assert "no JSON object" in call.unreadable


def test_a_refusal_holds_its_reason(claude, ask):
    reply = complete(claude, ask, refusal("not this"))
    assert (reply.stop_reason, reply.message.text) == ("refusal", "not this")


def test_a_message_that_would_be_empty_or_end_with_thinking_gets_a_text(claude, ask):
    thought = Message(role="assistant", model="claude-opus-5-5", blocks=({"type": "redacted_thinking", "data": "x"},))
    said = [Message(role="assistant"), Message(role="assistant", calls=(ToolCall(id="1", name="view"),)), thought]
    for message in said:
        results = tuple(ToolResult(call_id=call.id, text="") for call in message.calls)
        follow = Message(role="user", text="go on", results=results)
        with MessagesServer([text("yes")]) as server:
            claude(server).complete(ask(*ask().messages, message, follow))


def test_the_longest_answer_is_what_the_settings_say_and_the_model_can(claude, ask):
    for wanted, expected in ((500, 500), (128_000, 64_000)):
        with MessagesServer([text("yes")]) as server:
            claude(server, "claude-haiku-4-5", max_output_tokens=wanted).complete(ask())
            assert server.requests[0].body["max_tokens"] == expected


def test_the_same_conversation_is_sent_in_the_same_bytes(claude, ask):
    with MessagesServer([text("a"), text("b")]) as server:
        for _ in range(2):
            claude(server).complete(ask())
        assert server.requests[0].raw == server.requests[1].raw


def test_with_faults_at_random_each_call_ends_in_a_reply_or_in_an_error_that_may_be_tried_again(claude, ask):
    ends = []
    with MessagesServer(lambda asked: LONG, Faults(0.5, seed=7)) as server:
        model = claude(server)
        for _ in range(100):
            try:
                ends.append(type(model.complete(ask())))
            except (Unavailable, RateLimited) as error:
                ends.append(type(error))
        assert 30 < server.faulty < 70
        assert sum(end in {Unavailable, RateLimited} for end in ends) == server.faulty


def test_calls_share_a_connection(claude, ask):
    with MessagesServer([LONG] * 5) as server:
        for _ in range(5):
            claude(server).complete(ask())
        assert server.connections == 1


def test_the_provider_is_told_apart_by_key_and_address_and_shows_neither():
    def provider(key: str, url: str | None = None) -> str:
        credentials = Credentials(api_key=SecretStr(key), base_url=url)
        return ClaudeModel("claude-opus-5-5", credentials, price_of("claude-opus-5-5", {})).provider

    assert provider("sk-one") == provider("sk-one")
    assert len({provider("sk-one"), provider("sk-two"), provider("sk-one", "http://127.0.0.1:1")}) == 3
    assert "sk-one" not in provider("sk-one")


@pytest.mark.parametrize("told", [-1, 10**30, 1.5, True, "7"])
def test_a_count_of_tokens_that_cannot_be_is_no_answer(claude, ask, monkeypatch, told):
    usage = MessagesServer.usage
    monkeypatch.setattr(MessagesServer, "usage", lambda *of: {**usage(*of), "output_tokens": told})
    with pytest.raises(Unavailable) as caught:
        complete(claude, ask, text("done"))
    assert caught.value.cost_usd is None, "unknown is not free"
