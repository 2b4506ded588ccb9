"""The layer between agents and a provider, on a simulated clock; the provider is a small real implementation."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from nightwork import stop
from nightwork.breaker import Breaker
from nightwork.errors import ModelError, ProviderRefused, RateLimited, Stopped, Unanswered, Unavailable
from nightwork.ledger import Ledger, Limits, OverBudget
from nightwork.llm import Message, Reply, Request, Usage
from nightwork.llm.metered import Account, Metered, Patience, ends_the_run
from nightwork.outcome import Reason, Unfinished

HOUR = 3600.0
NO_LIMITS = Limits()


class Simulated:
    """A clock on which all who sleep do so at the same time: the earliest of them wakes first."""

    def __init__(self) -> None:
        self.at = 1_000_000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        stop.check()
        wake = self.at + seconds
        with self._lock:
            self.at = max(self.at, wake)


class Provider:
    """Answers each request as told: a Reply's cost in dollars, or an error."""

    name = "claude-x"
    provider = "anthropic"
    context_window = None

    def __init__(self, answer: Callable[[], float | Exception]) -> None:
        self._answer = answer
        self.sent = 0

    @classmethod
    def of(cls, answers: Iterable[float | Exception]) -> Provider:
        answers = iter(answers)
        return cls(lambda: next(answers))

    def worst_case_usd(self, request: Request) -> float:
        return 0.5

    def complete(self, request: Request) -> Reply:
        self.sent += 1
        answer = self._answer()
        if isinstance(answer, Exception):
            raise answer
        return Reply(message=Message(role="assistant", text="done"), usage=Usage(output_tokens=1, cost_usd=answer))


@pytest.fixture
def time() -> Simulated:
    return Simulated()


@pytest.fixture
def metered(tmp_path, time):
    """Return what makes a metered model of a provider; all of them share ledger and breaker."""

    def make(
        provider: Provider, limits: Limits = NO_LIMITS, waited=lambda _: None, max_retries=None, **patience: float
    ) -> Metered:
        breaker = Breaker(tmp_path / "providers.sqlite", provider.provider, time, rng=lambda: 0.0)
        given = Patience(**{"since": time.now(), **patience})
        ledger = Ledger(tmp_path / "ledger.sqlite")
        account = Account(
            ledger,
            "night",
            limits,
            lambda _: breaker,
            given,
            max_retries=max_retries,
            waited=waited,
            rng=lambda: 0.5,
        )
        return Metered(provider, provider.provider, account)

    return make


def ask(model: Metered, ticket: str = "A") -> Reply:
    return model.complete(Request(ticket=ticket, stage="C2", turn=0, system="", tools=(), messages=()))


def spent(tmp_path) -> float:
    return Ledger(tmp_path / "ledger.sqlite").spent_usd("night")


def limited(reset_s: float | None) -> RateLimited:
    return RateLimited("anthropic", reset_s)


def failed(cost_usd: float | None = 0.0) -> Unavailable:
    return Unavailable("anthropic", "529 overloaded", cost_usd)


def test_what_a_call_cost_is_settled(metered, tmp_path):
    assert ask(metered(Provider.of([0.1]))).message.text == "done"
    assert spent(tmp_path) == pytest.approx(0.1)


def test_a_failed_try_is_made_again_and_settled_as_far_as_known(metered, tmp_path, time):
    provider = Provider.of([failed(), failed(None), 0.1])
    ask(metered(provider))
    assert provider.sent == 3
    assert spent(tmp_path) == pytest.approx(0.5 + 0.1), "what broke off counts with all that it could have cost"


def test_tries_are_further_apart_each_time(metered, time):
    began = time.now()
    ask(metered(Provider.of([failed(), failed(), failed(), 0.1])))
    assert time.now() - began == 2 + 4 + 8


def test_an_outage_is_waited_for_with_probes_alone(metered, time):
    back_at = time.now() + 2 * HOUR
    provider = Provider(lambda: 0.1 if time.now() >= back_at else failed())
    ask(metered(provider))
    assert provider.sent < 60
    assert time.now() - back_at < HOUR


def test_an_outage_that_outlasts_the_patience_aborts(metered, time):
    model = metered(Provider(lambda: failed()), max_outage_s=HOUR)
    with pytest.raises(Unfinished) as aborted:
        ask(model)
    assert aborted.value.outcome.reason is Reason.INFRASTRUCTURE


@pytest.mark.parametrize("hours", [0.1, 1, 5, 24, 24 * 7])
def test_a_wall_of_any_length_is_waited_for_when_its_end_is_told(metered, time, hours, tmp_path):
    ends = time.now() + hours * HOUR
    provider = Provider(lambda: 0.1 if time.now() >= ends else limited(ends - time.now()))
    assert ask(metered(provider)).message.text == "done"
    assert provider.sent == 2, "one that met the wall, one probe"
    assert spent(tmp_path) == pytest.approx(0.1)


@pytest.mark.parametrize(("hours", "sent"), [(0.9, 2), (1.9, 3), (2.9, 4)])
def test_a_wall_whose_end_is_not_told_is_probed_each_hour(metered, time, hours, sent):
    ends = time.now() + hours * HOUR
    provider = Provider(lambda: 0.1 if time.now() >= ends else limited(None))
    ask(metered(provider))
    assert provider.sent == sent


def test_more_than_three_hits_abort_with_the_reason_and_a_later_run_goes_on(metered, time):
    ends = time.now() + 10 * HOUR
    provider = Provider(lambda: 0.1 if time.now() >= ends else limited(None))
    with pytest.raises(Unfinished) as aborted:
        ask(metered(provider))
    assert aborted.value.outcome.reason is Reason.RATE_LIMIT
    assert "4 rate limits, more than 3" in aborted.value.outcome.message
    assert provider.sent == 4
    time.at = ends + HOUR
    ask(metered(provider))


def test_many_agents_at_a_wall_are_one_hit_and_send_one_probe(metered, time):
    ends = time.now() + 5 * HOUR
    at_once = threading.Barrier(8)

    def answer() -> float | Exception:
        if time.now() >= ends:
            return 0.01
        at_once.wait(10)
        return limited(ends - time.now())

    provider = Provider(answer)
    models = [metered(provider) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, models))
    assert len(replies) == 8
    assert provider.sent == 8 + 8, "each once at the wall and once after it, the first of them as the probe"
    assert len(models[0]._breaker.closures(0)) == 1


def test_a_short_limit_is_waited_for_without_a_hit(metered, time):
    provider = Provider.of([limited(20), 0.1])
    model = metered(provider)
    began = time.now()
    ask(model)
    assert time.now() - began == 20
    assert model._breaker.closures(0) == []


def test_waiting_is_told_with_its_end_and_the_number_of_the_hit(metered, time, caplog):
    ask(metered(Provider.of([limited(HOUR), 0.1])))
    (record,) = [record for record in caplog.records if hasattr(record, "waiting_until")]
    assert "waiting for the reset until" in record.message
    assert "hit 1 of 3" in record.message


def test_a_wall_of_days_is_told_with_the_day_of_its_end(metered, caplog):
    ask(metered(Provider.of([limited(5 * 24 * HOUR), 0.1])))
    (record,) = [record for record in caplog.records if hasattr(record, "waiting_until")]
    assert re.search(r"reset until \d{4}-\d\d-\d\d \d\d:\d\d, hit 1 of 3$", record.message)


def test_a_hit_from_before_this_run_is_told_as_one(metered, time, caplog):
    before = metered(Provider.of([limited(HOUR)]))
    permit = before._breaker.enter()
    before._breaker.limited(permit, HOUR)
    time.sleep(60)
    ask(metered(Provider.of([0.1])))
    (record,) = [record for record in caplog.records if hasattr(record, "waiting_until")]
    assert record.message.endswith(", hit before this run began")


def test_the_time_spent_waiting_is_told_to_the_ticket_s_clock(metered):
    waits: list[float] = []
    ask(metered(Provider.of([limited(HOUR), 0.1]), waited=waits.append))
    assert sum(waits) == pytest.approx(HOUR)


def test_a_call_beyond_the_limit_is_not_sent(metered):
    provider = Provider.of([])
    with pytest.raises(OverBudget):
        ask(metered(provider, Limits(ticket_usd=0.4)))
    assert provider.sent == 0


def test_a_limit_covers_retries(metered):
    provider = Provider(lambda: failed(None))
    with pytest.raises(OverBudget):
        ask(metered(provider, Limits(ticket_usd=1.2)))
    assert provider.sent == 2


def test_a_call_waits_while_another_holds_what_may_become_free(metered, tmp_path, time):
    from nightwork.ledger import Purpose

    ledger = Ledger(tmp_path / "ledger.sqlite")
    held = ledger.reserve(Purpose("night", "B", "C2", "claude-x"), 0.8, Limits())
    provider = Provider.of([0.1])
    sleep, time.sleep = time.sleep, lambda seconds: (sleep(seconds), ledger.settle(held, 0.1))
    ask(metered(provider, Limits(batch_usd=1.0)))
    assert provider.sent == 1


def test_a_refused_key_ends_the_ticket_and_the_next_is_not_even_sent(metered, tmp_path):
    provider = Provider.of([ProviderRefused("anthropic", "invalid x-api-key")])
    model = metered(provider)
    with pytest.raises(ProviderRefused):
        ask(model)
    with pytest.raises(Unfinished, match="invalid x-api-key"):
        ask(model, "B")
    assert provider.sent == 1
    assert spent(tmp_path) == 0


def test_a_wall_or_a_refusal_of_one_account_says_nothing_of_another(metered, time):
    refused, walled, mine = (Provider.of(a) for a in ([ProviderRefused("anthropic", "no")], [limited(HOUR)], [0.1]))
    for number, provider in enumerate((refused, walled, mine)):
        provider.provider = f"anthropic#{number}"
    with pytest.raises(ProviderRefused):
        ask(metered(refused))
    with pytest.raises(Unfinished, match=r"anthropic: 1 rate limits"):
        ask(metered(walled, max_hits=0))
    began = time.now()
    assert ask(metered(mine))
    assert time.now() == began


def test_an_answer_that_cannot_be_used_is_not_asked_again(metered):
    provider = Provider.of([ModelError("claude-x", "no such model")])
    with pytest.raises(ModelError):
        ask(metered(provider))
    assert provider.sent == 1


def test_a_fault_of_our_own_leaves_the_probe_to_others(metered, time):
    provider = Provider.of([limited(HOUR), KeyError("a bug"), 0.1])
    model = metered(provider)
    with pytest.raises(KeyError):
        ask(model)
    ask(model)


def test_a_stop_ends_the_wait(metered, time):
    stop.request("a test")
    try:
        with pytest.raises(Stopped):
            ask(metered(Provider.of([])))
    finally:
        stop.reset()


def test_a_request_that_alone_meets_failures_ends_alone(metered, time):
    """The provider answers everybody else: that is no outage, and no reason to hold the others up."""
    other = metered(Provider(lambda: 0.1), max_outage_s=HOUR)

    def answer() -> Exception:
        ask(other, "B")
        return failed()

    began, poisoned = time.now(), metered(Provider(answer), max_outage_s=HOUR)
    with pytest.raises(Unfinished, match="30 tries failed while anthropic answered others") as given_up:
        ask(poisoned, "A")
    assert given_up.value.args[0].reason is Reason.INFRASTRUCTURE
    assert not ends_the_run(given_up.value.args[0])
    assert time.now() - began < HOUR
    assert ask(other, "B")


def test_a_fault_between_permit_and_call_leaves_the_probe_to_others(metered, time, tmp_path):
    with pytest.raises(Unfinished):
        ask(metered(Provider.of([limited(HOUR)]), max_hits=0))
    broken = Provider.of([])
    broken.worst_case_usd = lambda _: float("nan")  # type: ignore[method-assign]
    time.at += 2 * HOUR
    with pytest.raises(ValueError, match="no amount"):
        ask(metered(broken))
    began = time.now()
    ask(metered(Provider.of([0.1])))
    assert time.now() == began


@pytest.mark.parametrize("jump", [-24 * HOUR, 24 * HOUR])
def test_a_clock_that_is_set_does_not_change_the_time_a_ticket_has(metered, time, jump):
    waits: list[float] = []
    sleep, jumps = time.sleep, iter([jump])

    def jumping(seconds: float) -> None:
        sleep(seconds)
        time.at += next(jumps, 0.0)

    time.sleep = jumping
    ask(metered(Provider.of([limited(60.0), 0.1]), waited=waits.append))
    assert 0 <= sum(waits) <= 2 * 60.0


def test_an_account_may_say_how_often_a_call_is_made_again(metered, time, tmp_path):
    provider = Provider(lambda: failed())
    model = metered(provider, max_retries=3)
    began = time.now()
    with pytest.raises(Unanswered, match="tried 4 times"):
        ask(model)
    assert provider.sent == 4
    assert time.now() - began == 2 + 4 + 8
    assert spent(tmp_path) == 0


def test_no_retry_is_one_try_and_limits_are_no_failures(metered):
    provider = Provider.of([limited(20.0), limited(20.0), 0.1, failed()])
    model = metered(provider, max_retries=0)
    assert ask(model).message.text == "done"
    with pytest.raises(Unanswered):
        ask(model)


def test_the_permit_of_a_call_that_is_given_up_is_given_back(metered, time):
    ended = metered(Provider(lambda: failed()), max_retries=0)
    for _ in range(3):
        with pytest.raises(Unanswered):
            ask(ended)
    began = time.now()
    ask(metered(Provider.of([0.1])))
    assert time.now() == began


def test_a_call_that_costs_nothing_by_itself_is_waited_for_and_tried_again_alike(metered, tmp_path):
    answers = iter([limited(10.0), failed(), "batch"])

    def call():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert metered(Provider.of([])).ask("batch", call) == "batch"
    assert spent(tmp_path) == 0
