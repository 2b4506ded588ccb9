from __future__ import annotations

from collections.abc import Callable

import pytest
from simulated import Simulated

from nightwork.breaker import Breaker, Kind, Permit, Wait
from nightwork.database import Place

HOUR = 3600.0


@pytest.fixture
def time() -> Simulated:
    return Simulated()


@pytest.fixture
def place(new_place: Callable[[str], Place]) -> Place:
    return new_place("breakers")


@pytest.fixture
def breaker(place, time) -> Breaker:
    return Breaker(place, "anthropic", time, rng=lambda: 0.0)


def permit(breaker: Breaker) -> Permit:
    answer = breaker.enter()
    assert isinstance(answer, Permit), answer
    return answer


def closed_until(breaker: Breaker) -> float:
    answer = breaker.enter()
    assert isinstance(answer, Wait), answer
    return answer.until


def test_a_reset_far_away_is_a_hit_and_closes_the_way_for_all(breaker, time, place):
    first, second = permit(breaker), permit(breaker)
    hit = breaker.limited(first, HOUR)
    assert hit is not None
    assert hit.kind is Kind.HIT
    assert closed_until(breaker) == time.now() + HOUR
    another_process = Breaker(place, "anthropic", time)
    assert closed_until(another_process) == time.now() + HOUR
    assert breaker.limited(second, HOUR) is None, "limits of the same moment are one hit"
    assert len(breaker.closures(0)) == 1
    another_provider = Breaker(place, "another", time)
    assert permit(another_provider)


def test_a_call_of_before_the_hit_may_know_better_how_long_it_lasts(breaker, time):
    first, second = permit(breaker), permit(breaker)
    breaker.limited(first, None)
    breaker.limited(second, 2 * HOUR)
    assert closed_until(breaker) == time.now() + 2 * HOUR


def test_after_the_reset_one_probe_goes_out_and_its_answer_opens_the_way(breaker, time):
    breaker.limited(permit(breaker), HOUR)
    time.sleep(HOUR)
    probe = permit(breaker)
    assert probe.probe
    assert isinstance(breaker.enter(), Wait), "one probe at a time"
    breaker.succeeded(probe)
    assert not permit(breaker).probe
    assert not permit(breaker).probe


def test_a_probe_that_meets_a_limit_is_the_next_hit(breaker, time):
    breaker.limited(permit(breaker), HOUR)
    time.sleep(HOUR)
    assert breaker.limited(permit(breaker), HOUR) is not None
    assert closed_until(breaker) == time.now() + HOUR
    assert len(breaker.closures(0)) == 2


def test_a_probe_that_was_killed_holds_nobody_up_for_long(breaker, time):
    breaker.limited(permit(breaker), HOUR)
    time.sleep(HOUR)
    permit(breaker)
    time.sleep(901)
    assert permit(breaker).probe


def test_a_probe_that_learnt_nothing_leaves_the_next_to_another(breaker, time):
    breaker.limited(permit(breaker), HOUR)
    time.sleep(HOUR)
    breaker.put_back(permit(breaker))
    assert permit(breaker).probe


def test_a_short_limit_throttles_all_and_is_no_hit(breaker, time):
    breaker.limited(permit(breaker), 20)
    assert closed_until(breaker) == time.now() + 20
    time.sleep(20)
    assert not permit(breaker).probe
    assert breaker.closures(0) == []


def test_short_limits_without_end_are_a_hit(breaker, time):
    for _ in range(10):
        breaker.limited(permit(breaker), 20)
        time.sleep(20)
    assert [closure.kind for closure in breaker.closures(0)] == [Kind.HIT]


def test_an_answer_between_short_limits_makes_them_harmless(breaker, time):
    for _ in range(30):
        breaker.limited(permit(breaker), 20)
        time.sleep(20)
        breaker.succeeded(permit(breaker))
    assert breaker.closures(0) == []


@pytest.mark.parametrize("told", [None, -1.0, float("nan"), float("inf"), 1e12])
def test_a_reset_that_is_told_badly_is_taken_as_an_hour(breaker, time, told):
    breaker.limited(permit(breaker), told)
    assert closed_until(breaker) == time.now() + HOUR


def test_an_outage_grows_and_is_no_hit(breaker, time):
    waits = []
    for _ in range(6):
        breaker.failed(permit(breaker))
        waits.append(closed_until(breaker) - time.now())
        time.sleep(waits[-1])
    assert waits == [120, 240, 480, 960, 1800, 1800]
    assert {closure.kind for closure in breaker.closures(0)} == {Kind.OUTAGE}
    breaker.succeeded(permit(breaker))
    breaker.failed(permit(breaker))
    assert closed_until(breaker) - time.now() == 120


def test_calls_that_fail_with_the_outage_are_one(breaker):
    permits = [permit(breaker) for _ in range(5)]
    for each in permits:
        breaker.failed(each)
    assert len(breaker.closures(0)) == 1


def test_not_everybody_comes_back_at_the_same_instant(place, time):
    breaker = Breaker(place, "anthropic", time, rng=lambda: 0.5)
    breaker.limited(permit(breaker), HOUR)
    assert closed_until(breaker) == time.now() + HOUR + 30


def test_a_refusal_is_kept_with_its_words(breaker):
    breaker.refused(permit(breaker), "invalid x-api-key")
    (closure,) = breaker.closures(0)
    assert (closure.kind, closure.told) == (Kind.REFUSED, "invalid x-api-key")
    assert permit(breaker), "the next batch may try"


def test_short_limits_of_one_burst_are_one(breaker, time):
    permits = [permit(breaker) for _ in range(40)]
    assert [breaker.limited(each, 5.0) for each in permits] == [None] * 40
    time.sleep(5.0)
    assert permit(breaker)


def test_a_clock_that_was_set_back_holds_nobody_up(breaker, time):
    breaker.limited(permit(breaker), HOUR)
    time.sleep(-10 * 24 * HOUR)
    probe = permit(breaker)
    assert probe.probe
    assert isinstance(breaker.enter(), Wait), "one probe at a time"
    breaker.succeeded(probe)
    assert not permit(breaker).probe


def test_throttling_ends_when_the_clock_is_set_back(breaker, time):
    breaker.limited(permit(breaker), 5.0)
    time.sleep(-24 * HOUR)
    assert permit(breaker)


def test_a_probe_of_before_the_clock_was_set_back_holds_nobody_up(breaker, time):
    breaker.limited(permit(breaker), HOUR)
    time.sleep(HOUR)
    assert permit(breaker).probe
    time.sleep(-24 * HOUR)
    assert permit(breaker).probe
