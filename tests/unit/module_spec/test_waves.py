from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from messages_server import Asked, MessagesServer, failed, overloaded, rate_limited, text, tools
from spec_waves import PACE, Night, units

from nightwork import stop
from nightwork.ledger import Limits
from nightwork.outcome import Reason, Status

SIX = {f"u{n}": () for n in range(6)}


def unit_of(asked) -> str:
    return re.search(r"the unit <(\w+)>", asked.words())[1]


def answer(asked):
    return tools(submit_spec={"purpose": "p", "intent": f"of {unit_of(asked)}"})


@pytest.fixture
def server():
    with MessagesServer(answer) as found:
        yield found


@pytest.fixture
def night(server, tmp_path):
    def make(**settings) -> Night:
        return Night(tmp_path, server.url, server.key, **settings)

    return make


def specs(night: Night, names) -> dict[str, str]:
    return {name: night.spec(name).read_text(encoding="utf-8") for name in names}


def billed(server) -> float:
    """Return what the server has billed for batches, in dollars, at half the published price."""
    price = {"input_tokens": 4.0, "output_tokens": 20.0}
    return sum(usage[name] * rate / 1e6 / 2 for usage in server.usages for name, rate in price.items())


def test_what_may_start_goes_in_one_batch_and_what_needs_it_in_the_next(night, server):
    run = night()
    wanted = units(12)
    outcomes = run.run(wanted)
    assert {outcome.status for outcome in outcomes.values()} == {Status.COMPLETED}
    assert specs(run, wanted) == {name: f"of {name}" for name in wanted}
    assert [len(batch.asked) for batch in server.batches.made.values()] == [6, 6]
    assert len(server.requests) == 12


def test_a_batch_costs_half_and_each_unit_pays_its_part(night, server):
    run = night()
    run.run(SIX)
    assert run.ledger.spent_usd("specs") == pytest.approx(billed(server), abs=1e-8)
    assert {line.ticket for line in run.ledger.lines("specs")} == set(SIX)
    assert run.open_reservations() == 0
    assert list(run.journal.glob("*")) == []


def test_a_wave_of_few_goes_live(night, server):
    run = night()
    run.run({"a": (), "b": ("a",), "c": ("b",)})
    assert specs(run, "abc") == {name: f"of {name}" for name in "abc"}
    assert server.batches.made == {}


def test_without_batches_everything_goes_live(night, server):
    run = night()
    run.run(SIX, with_batches=False)
    assert len(server.requests) == 6
    assert server.batches.made == {}


def test_custom_ids_fit_and_nothing_secret_is_sent_nor_a_cache_written(night, server):
    run = night()
    run.run(SIX)
    (batch,) = server.batches.made.values()
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in batch.asked)
    assert not any(b"cache_control" in asked.raw for asked in batch.asked.values())


def test_a_batch_is_asked_for_less_and_less_often(night, server):
    server.batches.polls = 12
    pauses = []
    night(wait=pauses.append, pace=replace(PACE, first_poll_s=5, longest_poll_s=60)).run(SIX)
    assert pauses[:6] == [5, 10, 20, 40, 60, 60]


@pytest.mark.parametrize("fate", ["errored", "expired", "canceled"])
def test_what_a_batch_does_not_answer_goes_live_and_costs_once(night, server, fate):
    server.batches.fates["<u2>"] = fate
    run = night()
    run.run(SIX)
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}
    assert len(server.requests) == 6
    assert len(server.batches.paid) == 5
    assert run.open_reservations() == 0


def test_a_request_that_can_never_be_answered_is_degraded_at_once(night, server):
    server.batches.fates["<u2>"] = "errored"
    server.batches.error = ("invalid_request_error", "no \x1b[2J")
    run = night()
    outcomes = run.run(SIX)
    assert outcomes["u2"].reason is Reason.AST_ONLY
    assert run.answers["u2"].reason == "errored: invalid_request_error no [2J"
    assert len(server.requests) == 5


def test_without_retries_what_expired_is_degraded(night, server):
    server.batches.fates["<u2>"] = "expired"
    run = night(pace=replace(PACE, max_retries=0))
    assert run.run(SIX)["u2"].reason is Reason.AST_ONLY


def test_answers_that_are_asked_for_again_make_a_wave_of_their_own(tmp_path):
    def bad_first(asked):
        return answer(asked) if len(asked.body["messages"]) > 1 else text("no call")

    with MessagesServer(bad_first) as server:
        run = Night(tmp_path, server.url, server.key)
        run.run(SIX)
        assert [len(batch.asked) for batch in server.batches.made.values()] == [6, 6]
        assert list(run.journal.glob("*")) == []
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}


def test_near_the_deadline_everything_goes_live(night, server):
    now = datetime(2026, 1, 1, 5, tzinfo=UTC)
    night(clock=lambda: now, pace=replace(PACE, deadline=now + timedelta(minutes=50))).run(SIX)
    assert server.batches.made == {}
    assert len(server.requests) == 6


def test_a_batch_that_is_not_ended_near_the_deadline_is_canceled_and_the_rest_goes_live(night, server):
    server.batches.holds = True
    now = [datetime.now(UTC)]
    deadline = now[0] + timedelta(hours=2)

    def wait(seconds):
        now[0] += timedelta(minutes=10)

    run = night(clock=lambda: now[0], wait=wait, pace=replace(PACE, deadline=deadline))
    run.run(SIX)
    (batch,) = server.batches.made.values()
    assert batch.is_canceled
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}
    assert now[0] < deadline


def test_a_limit_is_never_overshot_and_what_does_not_fit_waits_for_what_gets_free(night, server):
    one = 0.1  # the worst case of one of these is a little less
    run = night(limits=Limits(batch_usd=one * 3))
    outcomes = run.run({f"u{n}": () for n in range(9)})
    assert {outcome.status for outcome in outcomes.values()} == {Status.COMPLETED}
    assert [len(batch.asked) for batch in server.batches.made.values()] == [3, 3, 3]


def test_what_no_money_is_left_for_is_aborted_and_starts_in_the_next_run(night, server):
    run = night(limits=Limits(batch_usd=0.01))
    outcomes = run.run(SIX)
    assert {(outcome.status, outcome.reason) for outcome in outcomes.values()} == {(Status.ABORTED, Reason.BUDGET)}
    assert server.requests == []
    assert list(run.journal.glob("*")) == []
    night().run(SIX)
    assert len(server.requests) == 6


def test_a_creation_whose_answer_is_lost_is_found_and_not_made_again(night, server):
    server.batches.loses_answers = 1
    run = night()
    run.run(SIX)
    assert len(server.batches.made) == 1
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}


def test_a_creation_that_fails_is_made_again_and_limits_are_waited_for(night, server):
    server.batches.faults = [overloaded(), rate_limited("30"), failed(500)]
    night().run(SIX)
    assert len(server.batches.made) == 1
    assert len(server.requests) == 6


def test_a_creation_that_fails_for_good_degrades_and_gives_the_money_back(night, server):
    server.batches.faults = [overloaded() for _ in range(20)]
    run = night()
    outcomes = run.run(SIX)
    assert {outcome.reason for outcome in outcomes.values()} == {Reason.AST_ONLY}
    assert run.ledger.spent_usd("specs") == 0


def test_a_provider_that_takes_no_batches_is_asked_live(night, server):
    server.batches.faults = [failed(400, "invalid_request_error", "not for this account")]
    run = night()
    run.run(SIX)
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}
    assert run.open_reservations() == 0


def test_a_refused_key_aborts_and_gives_the_money_back(night, server):
    server.batches.faults = [failed(401, "authentication_error", "no")]
    run = night()
    outcomes = run.run(SIX)
    assert {outcome.status for outcome in outcomes.values()} == {Status.ABORTED}
    assert run.ledger.spent_usd("specs") == 0
    assert run.open_reservations() == 0


def test_a_stop_while_polling_aborts_and_the_next_run_collects_what_was_sent(night, server):
    server.batches.holds = True

    def stopped(_):
        stop.request("a test")
        try:
            stop.check()
        finally:
            stop.reset()

    outcomes = night(wait=stopped).run(SIX)
    assert {(outcome.status, outcome.reason) for outcome in outcomes.values()} == {(Status.ABORTED, Reason.STOPPED)}
    server.batches.holds = False
    run = night()
    run.run(SIX)
    assert len(server.batches.made) == 1
    assert len(server.requests) == 6
    assert run.ledger.spent_usd("specs") == pytest.approx(billed(server), abs=1e-8)
    assert run.open_reservations() == 0


def test_what_was_sent_for_a_source_that_has_changed_is_settled_and_not_used(night, server):
    def stopped(_):
        raise KeyboardInterrupt

    server.batches.polls = 2
    with pytest.raises(KeyboardInterrupt):
        night(wait=stopped).run(SIX)
    run = night()
    run.run(SIX, sources=dict.fromkeys(SIX, "total"))
    assert len(server.batches.made) == 2
    assert run.ledger.spent_usd("specs") == pytest.approx(billed(server), abs=1e-8)
    assert list(run.journal.glob("*")) == []


def test_a_batch_of_somebody_else_is_neither_used_nor_canceled(night, server):
    """Of as many requests, made at the same time: only its results tell."""
    said = [{"role": "user", "content": [{"type": "text", "text": "the unit <zz>"}]}]
    params = {"model": "m", "max_tokens": 1, "system": [], "messages": said}
    theirs = json.dumps({"requests": [{"custom_id": f"x{n}", "params": params} for n in range(6)]}).encode()

    def before(when: str, call: str) -> None:
        if (when, call) == ("before", "create") and not server.batches.made:
            server.batches.create(theirs, {}, Asked)

    server.batches.on_request = before
    server.batches.faults = [overloaded()]
    run = night()
    run.run(SIX)
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}
    assert not any(batch.is_canceled for batch in server.batches.made.values())
    assert len(server.batches.made) == 2


def test_a_batch_that_the_provider_has_forgotten_counts_in_full_and_goes_live(night, server):
    def forget(when: str, call: str) -> None:
        if (when, call) == ("before", "poll"):
            server.batches.made.clear()

    server.batches.on_request = forget
    run = night()
    run.run(SIX)
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}
    assert sum(line.unconfirmed_usd for line in run.ledger.lines("specs")) > 0


@pytest.mark.parametrize("call", ["poll", "results"])
def test_a_provider_that_is_out_while_a_batch_runs_is_asked_again_later(night, server, call):
    """Longer than a call is tried: nobody gives up a batch that is paid for."""
    server.batches.outages[call] = 9
    run = night()
    run.run(SIX)
    assert specs(run, SIX) == {name: f"of {name}" for name in SIX}
    assert len(server.batches.made) == 1


def test_an_item_that_was_aborted_gets_the_same_answer_in_the_next_run(night, server):
    run = night()
    write = run.finish

    def full_disk(_):
        raise OSError(28, "No space left on device")

    run.finish = lambda unit: full_disk if unit == "u3" else write(unit)
    assert run.run(SIX)["u3"].status is Status.ABORTED
    assert len(list(run.journal.glob("*"))) == 1
    again = night()
    again.run(SIX)
    assert specs(again, SIX) == {name: f"of {name}" for name in SIX}
    assert len(server.requests) == 6
    assert list(again.journal.glob("*")) == []


def test_a_few_new_ones_do_not_wait_for_the_batch_of_an_earlier_run(night, server):
    def stopped(_):
        raise KeyboardInterrupt

    server.batches.holds = True
    with pytest.raises(KeyboardInterrupt):
        night(wait=stopped).run(SIX)
    asked = []

    def wait(_):
        asked.append({unit_of(each) for each in server.requests})
        server.batches.holds = len(asked) < 500

    run = night(wait=wait)
    run.run({**SIX, "new": ()})
    assert asked[-1] == {"new"}
    assert len(server.requests) == 7


def test_a_provider_that_is_out_when_a_run_is_resumed_aborts_it_and_changes_nothing(night, server):
    def killed(when: str, call: str) -> None:
        if (when, call) == ("before", "create"):
            stop.request("a test")

    server.batches.on_request = killed
    server.batches.faults = [overloaded()]
    try:
        night().run(SIX)
    finally:
        stop.reset()
    server.batches.on_request = lambda *_: None
    server.batches.outages["list"] = 9
    outcomes = night().run(SIX)
    assert {(each.status, each.reason) for each in outcomes.values()} == {(Status.ABORTED, Reason.INFRASTRUCTURE)}
    server.batches.outages.clear()
    run = night()
    run.run(SIX)
    assert len(server.requests) == 6
    assert run.open_reservations() == 0
