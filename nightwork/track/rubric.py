"""The score of a review: the weighted mean of its marks, in exact arithmetic, and the floors that no mark may break.

Numbers count as they are written, so weights of 0.1 do not make 8 fail 8, and nothing is rounded up: 9.4999 is not 9.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

from nightwork.track.definition import BEST, Rubric


def score(rubric: Rubric, marks: Mapping[str, float]) -> float:
    """Return the weighted mean of the marks, 0 to 10.

    Raises ValueError unless there is one mark from 0 to 10 for each dimension and for nothing else.
    """
    return float(_mean(rubric, marks))


def broken_floors(rubric: Rubric, marks: Mapping[str, float]) -> tuple[str, ...]:
    """Return the dimensions whose marks lie below their floors; raises ValueError as `score` does."""
    _check(rubric, marks)
    return tuple(each.name for each in rubric.dimensions if _exact(marks[each.name]) < _exact(each.floor))


def passes(rubric: Rubric, marks: Mapping[str, float]) -> bool:
    """Say whether the score reaches the pass mark and no floor is broken; raises ValueError as `score` does."""
    return _mean(rubric, marks) >= _exact(rubric.pass_mark) and not broken_floors(rubric, marks)


def told(number: float) -> str:
    """Return a score or a mark for people, with at most two decimals, cut off: one that fails never reads as passed."""
    cut = Decimal(repr(float(number))).quantize(Decimal("0.01"), ROUND_DOWN)
    return f"{cut:f}".rstrip("0").rstrip(".")


def _mean(rubric: Rubric, marks: Mapping[str, float]) -> Fraction:
    _check(rubric, marks)
    weights = {each.name: _exact(each.weight) for each in rubric.dimensions}
    return sum((weight * _exact(marks[name]) for name, weight in weights.items()), Fraction()) / sum(weights.values())


def _check(rubric: Rubric, marks: Mapping[str, float]) -> None:
    names = {each.name for each in rubric.dimensions}
    if set(marks) != names:
        raise ValueError(f"expected one mark for each of {sorted(names)}, not for {sorted(marks)}")
    bad = {name: mark for name, mark in marks.items() if not (math.isfinite(mark) and 0 <= mark <= BEST)}
    if bad:
        raise ValueError(f"a mark is a number from 0 to {BEST}, not {bad}")


def _exact(number: float) -> Fraction:
    return Fraction(repr(float(number)))
