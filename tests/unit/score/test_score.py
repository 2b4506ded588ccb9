import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.score import (
    PASS_MARK,
    complexity_score,
    docs_score,
    security_score,
    syntax_score,
    total,
)
from nightwork.score import tests_score as share_of_tests

shares = st.none() | st.floats(allow_nan=False)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        pytest.param(syntax_score(True), 100, id="clean code has full marks"),
        pytest.param(syntax_score(False), 0, id="one style error costs all of syntax"),
        pytest.param(syntax_score(None), None, id="without a linter syntax is not known"),
        pytest.param(share_of_tests(3, 4), 75, id="tests are the share that passes"),
        pytest.param(share_of_tests(0, 0), 0, id="no tests are no marks"),
        pytest.param(security_score({}), 100, id="no findings are full marks"),
        pytest.param(
            security_score({"critical": 1, "high": 1, "medium": 1, "low": 9}), 25, id="findings cost by severity"
        ),
        pytest.param(security_score({"critical": 3}), 0, id="security does not fall below zero"),
        pytest.param(complexity_score(0), 100, id="no added path costs nothing"),
        pytest.param(complexity_score(10), 80, id="each added path costs two"),
        pytest.param(complexity_score(51), 0, id="complexity does not fall below zero"),
        pytest.param(complexity_score(None), None, id="complexity may be unknown"),
        pytest.param(docs_score(True), 100, id="documented names have full marks"),
        pytest.param(docs_score(False), 50, id="undocumented names cost half"),
        pytest.param(docs_score(None), None, id="docs may be unknown"),
    ],
)
def test_a_share(share: float | None, expected: float | None) -> None:
    assert share == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, None, id="nothing known is no total"),
        pytest.param(
            {"syntax": 100, "tests": 100, "security": 100, "complexity": 100, "docs": 100}, 100, id="all full"
        ),
        pytest.param({"syntax": 100, "tests": 50, "security": 100, "complexity": 80, "docs": 50}, 78, id="the formula"),
        pytest.param({"tests": 90}, 90, id="a single share is the total"),
        pytest.param({"syntax": 0, "docs": 100}, 33.3, id="the rest is renormalised"),
        pytest.param({"syntax": 500, "tests": -3}, 40, id="shares are clamped before they are weighed"),
    ],
)
def test_the_total(given: dict[str, float], expected: float | None) -> None:
    assert total(**given).total == expected


def test_the_shares_stand_beside_the_total() -> None:
    scores = total(syntax=100, tests=200)
    assert (scores.syntax, scores.tests, scores.security) == (100, 100, None)


def test_eighty_passes() -> None:
    assert PASS_MARK == 80


@given(shares, shares, shares, shares, shares)
def test_the_total_is_always_within_its_bounds(
    syntax: float | None, tests: float | None, security: float | None, complexity: float | None, docs: float | None
) -> None:
    scores = total(syntax=syntax, tests=tests, security=security, complexity=complexity, docs=docs)
    known = [value for value in scores.model_dump().values() if value is not None]
    assert all(0 <= value <= 100 for value in known)
    assert (scores.total is None) == all(each is None for each in (syntax, tests, security, complexity, docs))


@given(st.dictionaries(st.sampled_from(["critical", "high", "medium", "low"]), st.integers(min_value=0)))
def test_security_is_always_within_its_bounds(severities: dict[str, int]) -> None:
    assert 0 <= security_score(severities) <= 100


@given(st.integers(min_value=0))
def test_complexity_is_always_within_its_bounds(added: int) -> None:
    assert 0 <= (complexity_score(added) or 0) <= 100


@pytest.mark.parametrize(
    "compute",
    [
        pytest.param(lambda: share_of_tests(-1, 2), id="negative passed"),
        pytest.param(lambda: share_of_tests(3, 2), id="more passed than there are"),
        pytest.param(lambda: share_of_tests(0, -1), id="negative total"),
        pytest.param(lambda: security_score({"high": -1}), id="negative findings"),
        pytest.param(lambda: security_score({"low": -1}), id="negative findings that cost nothing"),
        pytest.param(lambda: security_score({"terrible": 1}), id="an unknown severity"),
        pytest.param(lambda: complexity_score(-1), id="negative complexity"),
        pytest.param(lambda: total(tests=math.nan), id="no number"),
    ],
)
def test_bad_input_is_refused(compute) -> None:
    with pytest.raises(ValueError, match=r"expected|unknown|not a number"):
        compute()
