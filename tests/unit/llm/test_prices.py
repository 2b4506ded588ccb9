from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.errors import BadInput
from nightwork.llm import wire
from nightwork.llm.messages import Counted, Message, Request, Tool, ToolCall, ToolResult
from nightwork.llm.prices import price_of, published
from nightwork.price import Price, Tokens

OWN = {
    "input": 1, "output": 2, "cache_write_5m": 3, "cache_write_1h": 4, "cache_read": 5,
    "context_window": 10_000, "max_output": 1_000,
}  # fmt: skip


def test_published_prices_say_where_and_when_they_were_read():
    assert len(published()) >= 10
    for price in published().values():
        assert price.source.startswith("https://platform.claude.com/")
        assert price.as_of is not None
        assert price.cache_read < price.input < price.cache_write_5m < price.cache_write_1h < price.output


def test_a_model_is_found_with_and_without_its_date_and_own_prices_go_first():
    assert price_of("claude-haiku-4-5-20251001", {}) == price_of("claude-haiku-4-5", {})
    assert price_of("claude-haiku-4-5", {"claude-haiku-4-5": Price(**OWN)}).input == 1
    assert price_of("mine", {"mine": Price(**OWN)}).output == 2


def test_a_model_without_a_price_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match=r"claude-x.*claude-haiku-4-5.*mine.*`prices`"):
        price_of("claude-x", {"mine": Price(**OWN)})


def test_each_kind_of_token_has_its_rate():
    tokens = Tokens(input=10, output=20, cache_write_5m=30, cache_write_1h=40, cache_read=50)
    assert Price(**OWN).cost_usd(tokens) == pytest.approx((10 + 40 + 90 + 160 + 250) / 1e6)


def test_a_long_prompt_has_rates_of_its_own_for_all_of_the_call():
    price = price_of("claude-haiku-5-5", {})
    assert price.cost_usd(Tokens(cache_read=100_000, output=1000)) == pytest.approx(0.0015)
    assert price.cost_usd(Tokens(cache_read=100_000, input=1, output=1000)) == pytest.approx(0.0075005)


words = st.text(max_size=60)
texts = words.filter(str.strip)
bodies = st.dictionaries(words, st.one_of(words, st.integers(), st.lists(words, max_size=3)), max_size=3)


@st.composite
def conversations(draw):
    messages = [Message(role="user", preamble=draw(words), text=draw(texts))]
    for number in range(draw(st.integers(0, 4))):
        calls = tuple(
            ToolCall(id=f"{number}-{i}", name=draw(texts), input=draw(bodies)) for i in range(draw(st.integers(0, 3)))
        )
        messages.append(Message(role="assistant", text=draw(words), calls=calls))
        results = tuple(ToolResult(call_id=call.id, text=draw(words)) for call in calls)
        messages.append(Message(role="user", text=draw(texts), results=results))
    return tuple(messages)


@given(conversations(), st.sampled_from(sorted(published())), st.sampled_from(["5m", "1h"]), st.data())
def test_no_reply_costs_more_than_the_worst_case(messages, name, ttl, data):
    """Turn by turn: whatever a provider counts, up to a token a byte, costs at most what was reserved."""
    price, counted = price_of(name, {}), None
    tool = Tool(name="view", description="d", parameters={"type": "object"}, strict=True)
    for number in range(1, len(messages) + 1, 2):
        request = Request(
            ticket="T", stage="C0", turn=0, system="s", tools=(tool,), messages=messages[:number], counted=counted
        )
        bytes_before = counted.tokens if counted else wire.HIDDEN_TOKENS
        sent = wire._size(wire.body(request, name, 1, ttl))
        most = price.worst_case_usd(wire.token_bound(request, name), 500, ttl)
        real = data.draw(st.integers(0, wire.token_bound(request, name)))
        assert wire.token_bound(request, name) <= bytes_before + sent + wire.HIDDEN_TOKENS
        read = data.draw(st.integers(0, real))
        written = data.draw(st.integers(0, real - read))
        long = {"cache_write_1h" if ttl == "1h" else "cache_write_5m": written}
        tokens = Tokens(input=real - read - written, cache_read=read, output=data.draw(st.integers(0, 500)), **long)
        assert price.cost_usd(tokens) <= most * (1 + 1e-9)
        counted = Counted(model=name, messages=number + 1, tokens=tokens.all_input + tokens.output)


@given(conversations())
def test_the_bound_counts_every_byte_that_is_new(messages):
    request = Request(ticket="T", stage="C0", turn=0, system="s", tools=(), messages=messages)
    whole = wire.token_bound(request, "m")
    assert whole >= sum(len(text.encode()) for m in messages for text in (m.text, m.preamble))
    known = Counted(model="m", messages=len(messages) - 1, tokens=7)
    part = wire.token_bound(request.model_copy(update={"counted": known}), "m")
    assert 7 + len(messages[-1].text.encode()) <= part <= 7 + whole
    other = Counted(model="other", messages=1, tokens=7)
    assert wire.token_bound(request.model_copy(update={"counted": other}), "m") == whole
