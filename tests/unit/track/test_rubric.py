from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.track.definition import Rubric
from nightwork.track.rubric import broken_floors, passes, score, told


def rubric(pass_mark=8, **dimensions):
    told = [{"name": name, "meaning": "m", **values} for name, values in dimensions.items()]
    return Rubric.model_validate({"pass_mark": pass_mark, "dimensions": told})


TENTHS = rubric(8, a={"weight": 0.1}, b={"weight": 0.2}, c={"weight": 0.7})


@pytest.mark.parametrize(
    ("weights", "marks", "expected"),
    [
        ((1, 1), (8, 6), 7),
        ((3, 1), (8, 4), 7),
        ((0.1, 0.3), (4, 8), 7),
        ((1, 1), (0, 0), 0),
        ((1, 1), (10, 10), 10),
        ((1, 2), (7.5, 9), 8.5),
    ],
)
def test_the_score_is_the_weighted_mean(weights, marks, expected):
    of = rubric(a={"weight": weights[0]}, b={"weight": weights[1]})
    assert score(of, {"a": marks[0], "b": marks[1]}) == expected


@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from([7.1, 8, 8.3, 9.5])), min_size=1, max_size=20))
def test_marks_that_are_all_the_pass_mark_pass_whatever_the_weights(drawn):
    mark = drawn[0][1]
    of = rubric(mark, **{f"d{place}": {"weight": weight / 10} for place, (weight, _) in enumerate(drawn)})
    assert passes(of, dict.fromkeys((each.name for each in of.dimensions), mark))


@pytest.mark.parametrize(("mark", "expected"), [(9.5, True), (9.4999, False), (9.49999999999999, False)])
def test_nothing_is_rounded_up_to_the_pass_mark(mark, expected):
    assert passes(rubric(9.5, a={}), {"a": mark}) is expected


def test_a_mark_below_its_floor_fails_the_best_score():
    of = rubric(5, a={"floor": 6}, b={"floor": 6}, c={})
    assert broken_floors(of, {"a": 5.9, "b": 6, "c": 10}) == ("a",)
    assert not passes(of, {"a": 5.9, "b": 10, "c": 10})
    assert passes(of, {"a": 6, "b": 6, "c": 10})


@pytest.mark.parametrize(
    "marks",
    [
        {},
        {"a": 9, "b": 9},
        {"a": 9, "b": 9, "c": 9, "d": 9},
        {"a": 9, "b": 9, "c": 11},
        {"a": 9, "b": 9, "c": -1},
        {"a": 9, "b": 9, "c": float("nan")},
        {"a": 9, "b": 9, "c": float("inf")},
    ],
)
def test_marks_that_are_missing_or_no_marks_are_no_score(marks):
    for function in (score, broken_floors, passes):
        with pytest.raises(ValueError, match="mark"):
            function(TENTHS, marks)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(9.4999, "9.49"), (9.5, "9.5"), (8, "8"), (8.3, "8.3"), (10, "10"), (0, "0"), (1e-7, "0"), (7.999999, "7.99")],
)
def test_a_score_is_told_cut_off(number, expected):
    assert told(number) == expected
