from __future__ import annotations

import messages_server
import pytest
from messages_server import MessagesServer, text, tools
from pydantic import SecretStr
from simulated import Simulated

from nightwork.breaker import Breaker
from nightwork.errors import ContextOverflow, ProviderRefused, Stopped, Unavailable
from nightwork.ledger import Ledger, Limits, OverBudget
from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.estimate import estimated_tokens
from nightwork.llm.messages import Reply, Request
from nightwork.llm.metered import Account, Metered, Patience
from nightwork.llm.prices import price_of
from nightwork.module_spec.asking.context import assemble
from nightwork.module_spec.asking.generate import Prompt, failed, generate, overhead_text, prompt_version
from nightwork.module_spec.asking.names import Known, project_names
from nightwork.outcome import Outcome, Reason, Status, Unfinished

NO_LIMITS = Limits()
SOURCE = "def total(cart):\n    return sum(cart)\n"
SECRET = "sk-ant-" + "a8Kx2Qp7Zt" * 9
GOOD = {"purpose": "Sums carts.", "intent": "It owns `total`."}
INVENTED = {"purpose": "Sums carts.", "intent": "It owns `grand_total`."}


@pytest.fixture
def prompt(skeleton):
    def make(source: str = SOURCE) -> Prompt:
        found = [skeleton(source)]
        return Prompt(
            "src/shop.py", "key", assemble(found, {"src/shop.py": source}, []), Known(project_names(found), source)
        )

    return make


@pytest.fixture
def metered(tmp_path):
    def make(server: MessagesServer, max_retries: int | None = 3, limits: Limits = NO_LIMITS) -> Metered:
        credentials = Credentials(api_key=SecretStr(server.key), base_url=server.url)
        model = ClaudeModel("claude-opus-5-5", credentials, price_of("claude-opus-5-5", {}))
        time = Simulated()
        breaker = Breaker(tmp_path / "providers.sqlite", "anthropic", time, rng=lambda: 0.0)
        account = Account(
            Ledger(tmp_path / "ledger.sqlite"), "specs", limits, lambda _: breaker, Patience(since=time.now()),
            max_retries=max_retries, rng=lambda: 0.5,
        )  # fmt: skip
        return Metered(model, "anthropic", account)

    return make


def test_a_valid_answer_is_taken_as_it_is(prompt, metered):
    with MessagesServer([tools(submit_spec=GOOD)]) as server:
        found = generate(prompt(), metered(server))
    assert found.answer is not None
    assert found.answer.intent == "It owns `total`."
    assert (found.reason, found.unknown) == ("", ())


def test_the_request_asks_for_a_strict_tool_and_says_little_beside_the_module(prompt, metered):
    with MessagesServer([tools(submit_spec=GOOD)]) as server:
        generate(prompt(), metered(server))
        (tool,) = server.requests[0].body["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"]["additionalProperties"] is False
    assert estimated_tokens(overhead_text()) < 650
    assert len(prompt_version()) == 12


@pytest.mark.parametrize(
    "bad",
    [text("Here is the spec."), tools(submit_spec={"purpose": "no intent"}), tools(other={"a": 1}),
     tools(submit_spec={**GOOD, "more": 1}), text("", "max_tokens"), messages_server.text("x", "pause_turn")],
)  # fmt: skip
def test_a_malformed_answer_is_asked_for_again_once(prompt, metered, bad):
    with MessagesServer([bad, tools(submit_spec=GOOD)]) as server:
        assert generate(prompt(), metered(server)).answer is not None
    with MessagesServer([bad, bad]) as server:
        found = generate(prompt(), metered(server))
    assert found.answer is None
    assert "no valid answer, asked again 1 times" in found.reason


def test_unknown_names_are_asked_for_again_once_and_then_marked(prompt, metered):
    with MessagesServer([tools(submit_spec=INVENTED), tools(submit_spec=GOOD)]) as server:
        assert generate(prompt(), metered(server)).unknown == ()
        assert "not in the code: `grand_total`" in str(server.requests[1].body["messages"][-1])
    with MessagesServer([tools(submit_spec=INVENTED), tools(submit_spec=INVENTED)]) as server:
        found = generate(prompt(), metered(server))
    assert found.answer is not None
    assert found.answer.intent == "It owns grand_total (not found in the code)."
    assert found.unknown == ("grand_total",)


def test_a_refusal_is_not_asked_again(prompt, metered):
    with MessagesServer([messages_server.refusal()]) as server:
        assert generate(prompt(), metered(server)).answer is None


def test_failed_calls_are_made_again_as_often_as_the_account_says_and_then_the_spec_is_degraded(prompt, metered):
    with MessagesServer([messages_server.overloaded()] * 3 + [tools(submit_spec=GOOD)]) as server:
        assert generate(prompt(), metered(server)).answer is not None
    with MessagesServer([messages_server.overloaded()] * 4) as server:
        found = generate(prompt(), metered(server))
    assert found.answer is None
    assert "tried 4 times" in found.reason
    with MessagesServer([messages_server.overloaded()]) as server:
        assert generate(prompt(), metered(server, max_retries=0)).answer is None


def test_rate_limits_are_waited_for_and_count_as_no_failure(prompt, metered):
    with MessagesServer([messages_server.rate_limited("20")] * 5 + [tools(submit_spec=GOOD)]) as server:
        assert generate(prompt(), metered(server, max_retries=0)).answer is not None


def test_a_context_that_is_too_long_degrades_the_spec(prompt, metered):
    with MessagesServer([], window=10, leftovers_allowed=True) as server:
        assert "too long" in generate(prompt(), metered(server)).reason


class Raising:
    """A model that only fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def complete(self, request: Request) -> Reply:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [OverBudget("batch", 1, 1, 0, 1), Stopped("by a test"), ProviderRefused("anthropic", "no credit"),
     Unfinished(Outcome(status=Status.ABORTED, reason=Reason.RATE_LIMIT))],
)  # fmt: skip
def test_what_says_nothing_of_the_module_passes_through(prompt, error):
    with pytest.raises(type(error)):
        generate(prompt(), Raising(error))


def test_what_the_model_cannot_do_degrades_the_spec(prompt):
    assert generate(prompt(), Raising(ContextOverflow("m", "too long"))).reason == "m: too long"
    with pytest.raises(Unavailable):
        generate(prompt(), Raising(Unavailable("p", "why")))
    assert failed("a\x1b[2J\nb").reason == "a[2J b"


def test_a_secret_of_the_source_never_reaches_the_provider(prompt, metered):
    with MessagesServer([tools(submit_spec=INVENTED), tools(submit_spec=GOOD)]) as server:
        generate(prompt(f"KEY = '{SECRET}'\n" + SOURCE), metered(server))
        assert not any(b"a8Kx" in asked.raw for asked in server.requests)


def test_a_limit_is_never_overshot(prompt, metered, tmp_path):
    model = None
    with MessagesServer([tools(submit_spec=GOOD)], leftovers_allowed=True) as server:
        model = metered(server, limits=Limits(batch_usd=0.0001))
        with pytest.raises(OverBudget):
            generate(prompt(), model)
        assert server.requests == []
    assert Ledger(tmp_path / "ledger.sqlite").spent_usd("specs") == 0
