"""Message Batches over HTTP with the real client."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from messages_server import Answer, MessagesServer, failed, tools

from nightwork.errors import ModelError, ProviderRefused, Unavailable
from nightwork.llm import batches as limits
from nightwork.llm.batches import MessageBatches, Miss, Missed, split
from nightwork.llm.messages import Message

ANSWER = tools(view={"path": "a"}, say="look", think="hm")


@pytest.fixture
def server():
    with MessagesServer(lambda _: ANSWER) as found:
        yield found


@pytest.fixture
def batches(claude, server):
    return MessageBatches(claude(server))


def test_a_batch_is_made_polled_and_collected_in_any_order(batches, server, ask):
    server.batches.polls = 2
    made = batches.submit({"a-1": ask(), "b_2": ask(Message(role="user", text="else"))})
    assert (made.requests, made.has_ended) == (2, False)
    assert not batches.poll(made.id).has_ended
    assert batches.poll(made.id).has_ended
    found = batches.results(made.id)
    assert set(found) == {"a-1", "b_2"}
    message = found["a-1"].message
    assert [call.input for call in message.calls] == [{"path": "a"}]
    assert message.text == "look"
    assert found["a-1"].stop_reason == "tool_use"


def test_an_answer_of_a_batch_costs_half_of_the_same_answer_live(batches, claude, server, ask):
    request = ask().model_copy(update={"is_cached": False})
    live = claude(server).complete(request)
    made = batches.submit({"a": request})
    batches.poll(made.id)
    found = batches.results(made.id)["a"]
    assert found.usage.cost_usd <= batches.worst_case_usd(request)
    assert found.usage.cost_usd == pytest.approx(live.usage.cost_usd / 2, rel=0.2)
    assert found.usage.cache_write_tokens == 0


@pytest.mark.parametrize(
    ("fate", "error", "may_retry"),
    [
        ("expired", "", True),
        ("canceled", "", True),
        ("errored", "overloaded_error", True),
        ("errored", "invalid_request_error", False),
    ],
)
def test_what_has_no_answer_says_why_and_whether_it_may_be_asked_again(batches, server, ask, fate, error, may_retry):
    server.batches.fates["T-1"] = fate
    server.batches.error = (error, "no\x1b[0m, sk-ant-" + "a8Kx2Qp7Zt" * 9)
    made = batches.submit({"a": ask()})
    batches.poll(made.id)
    miss = batches.results(made.id)["a"]
    assert isinstance(miss, Miss)
    assert (miss.kind, miss.may_retry) == (Missed(fate), may_retry)
    assert "a8Kx" not in miss.why
    assert "\x1b" not in miss.why


def test_a_batch_that_is_canceled_ends_with_what_is_canceled(batches, server, ask):
    server.batches.holds = True
    made = batches.submit({"a": ask()})
    batches.cancel(made.id)
    assert batches.poll(made.id).has_ended
    assert batches.results(made.id)["a"].kind is Missed.CANCELED


def test_batches_are_listed_oldest_first_from_a_moment_on(batches, ask):
    first, second = batches.submit({"a": ask()}), batches.submit({"a": ask()})
    assert [batch.id for batch in batches.since(datetime.now(UTC) - timedelta(minutes=1))] == [first.id, second.id]
    assert batches.since(datetime.now(UTC) + timedelta(minutes=1)) == []


def test_failures_are_told_as_those_of_a_call(batches, server, ask):
    with pytest.raises(ModelError):
        batches.poll("msgbatch_none")
    server.batches.faults = [failed(529), failed(401, "authentication_error"), Answer(status=200)]
    with pytest.raises(Unavailable):
        batches.submit({"a": ask()})
    with pytest.raises(ProviderRefused):
        batches.submit({"a": ask()})


@pytest.mark.parametrize("garbage", ["x", 3, None, {}, {"id": 3}, [], {"request_counts": {"processing": "many"}}])
def test_an_answer_that_is_none_of_the_api_s_is_a_failed_call(batches, server, ask, garbage):
    made = batches.submit({"a": ask()})
    server.batches.shown = lambda _: garbage
    with pytest.raises(Unavailable):
        batches.poll(made.id)


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"custom_id": 7}\n', b"{}\n", b"[]\n", b"[" * 200_000 + b"\n"])
def test_a_result_that_cannot_be_read_takes_no_other_with_it(batches, server, ask, line):
    made = batches.submit({"a": ask(), "b": ask()})
    batches.poll(made.id)
    whole = server.batches.lines(server.batches.made[made.id])
    server.batches.lines = lambda _: line + whole
    assert set(batches.results(made.id)) == {"a", "b"}


@pytest.mark.parametrize("cut", [2, 20, 300])
def test_results_that_are_cut_off_are_a_failed_call(batches, server, ask, cut):
    made = batches.submit({"a": ask(), "b": ask()})
    batches.poll(made.id)
    whole = server.batches.lines(server.batches.made[made.id])
    server.batches.lines = lambda _: whole[:-cut]
    with pytest.raises(Unavailable):
        batches.results(made.id)


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"type": "other"},
        {"type": "succeeded"},
        {"type": "succeeded", "message": {"usage": 3}},
        {"type": "succeeded", "message": {"usage": {"input_tokens": -5}, "content": [], "stop_reason": "x"}},
    ],
)
def test_an_answer_that_cannot_be_read_is_lost_and_nobody_knows_what_it_cost(batches, server, ask, result):
    made = batches.submit({"a": ask()})
    batches.poll(made.id)
    server.batches.lines = lambda _: json.dumps({"custom_id": "a", "result": result}).encode() + b"\n"
    assert batches.results(made.id)["a"].kind is Missed.LOST


def test_requests_are_split_by_number_and_size(monkeypatch):
    monkeypatch.setattr(limits, "MAX_REQUESTS", 3)
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    sized = [("a", 10), ("b", 10), ("c", 10), ("d", 60), ("e", 50), ("f", 500), ("g", 1)]
    assert list(split(sized)) == [["a", "b", "c"], ["d"], ["e"], ["f"], ["g"]]
    assert list(split([])) == []
