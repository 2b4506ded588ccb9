"""The score of a change: five shares of 0 to 100, weighed; it ranks what a person reviews, the vetoes decide."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nightwork.gates.judgement import Scores
from nightwork.gates.report import Severity

PASS_MARK = 80

_WEIGHTS = {"syntax": 2, "tests": 3, "security": 3, "complexity": 1, "docs": 1}
_SECURITY_COSTS = {Severity.CRITICAL: 50, Severity.HIGH: 20, Severity.MEDIUM: 5, Severity.LOW: 0}
_COST_PER_PATH = 2


def syntax_score(clean: bool | None) -> float | None:
    """Return 100 when there are no syntax and style errors, else 0; None when no gate tells."""
    return None if clean is None else 100.0 * clean


def tests_score(passed: int, total: int) -> float:
    """Return the share of tests that pass, in percent; 0 when there are none."""
    if not 0 <= passed <= total:
        raise ValueError(f"expected 0 <= passed <= total, not passed={passed!r} of total={total!r}")
    return _clamped(100 * passed / total) if total else 0.0


def security_score(severities: Mapping[str, int]) -> float:
    """Return 100 less 50 for each critical, 20 for each high and 5 for each medium finding; low ones cost nothing."""
    unknown = sorted(set(severities) - set(_SECURITY_COSTS))
    if unknown:
        raise ValueError(f"unknown severities {unknown}; known: {[str(severity) for severity in Severity]}")
    counts = {severity: _count(severities.get(severity, 0), severity) for severity in Severity}
    return _clamped(100 - sum(_SECURITY_COSTS[severity] * count for severity, count in counts.items()))


def complexity_score(added: int | None) -> float | None:
    """Return 100 less 2 for each unit of added cyclomatic complexity; None when it cannot be measured."""
    return None if added is None else _clamped(100 - _COST_PER_PATH * _count(added, "added complexity"))


def docs_score(documented: bool | None) -> float | None:
    """Return 100 when every new public name has a docstring, else 50; None when that cannot be told."""
    if documented is None:
        return None
    return 100.0 if documented else 50.0


def total(
    *,
    syntax: float | None = None,
    tests: float | None = None,
    security: float | None = None,
    complexity: float | None = None,
    docs: float | None = None,
) -> Scores:
    """Weigh the shares, each clamped to 0..100; what is None gives its weight to the others.

    The total has one decimal, and is None when every share is. Raises ValueError for a share that is not a number.
    """
    given = {"syntax": syntax, "tests": tests, "security": security, "complexity": complexity, "docs": docs}
    shares = {name: _clamped(share) for name, share in given.items() if share is not None}
    if not shares:
        return Scores()
    weighed = sum(_WEIGHTS[name] * share for name, share in shares.items())
    return Scores(**shares, total=round(_clamped(weighed / sum(_WEIGHTS[name] for name in shares)), 1))


def _count(value: int, what: str) -> int:
    if value < 0:
        raise ValueError(f"expected no negative count of {what}, not {value!r}")
    return value


def _clamped(share: float) -> float:
    if math.isnan(share):
        raise ValueError("a share of the score is not a number")
    return float(min(100, max(0, share)))
