"""What a batch is measured by: the contract's five numbers with their targets (batch-pipeline.md, "Metrics").

A number that nothing is known of is None, and so is whether it meets its target: unknown is neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from nightwork.outcome import Status


class Metric(BaseModel):
    """One number of a batch; `target` is written as people read it, `> 80 %`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float | None
    target: str
    met: bool | None
    unit: str


def batch_metrics(
    counts: Mapping[Status, int], total: int, scores: Sequence[float], review_minutes: Sequence[float]
) -> tuple[Metric, ...]:
    """Measure one batch of `total` admitted tickets; `scores` are those of the changes that have one, and
    `review_minutes` what each decision took."""
    completed = _percent(counts.get(Status.COMPLETED, 0), total)
    escalated = _percent(counts.get(Status.ESCALATED, 0), total)
    return (
        _metric("tickets per batch", total, "10-20", lambda value: 10 <= value <= 20, "tickets"),
        _metric("completion rate", completed, "> 80 %", lambda value: value > 80, "%"),
        _metric("average quality score", _mean(scores), "> 85", lambda value: value > 85, "points"),
        _metric("escalation rate", escalated, "< 20 %", lambda value: value < 20, "%"),
        _metric("review time per merge request", _mean(review_minutes), "< 15 min", lambda value: value < 15, "min"),
    )


def _metric(name: str, value: float | None, target: str, meets: Callable[[float], bool], unit: str) -> Metric:
    return Metric(name=name, value=value, target=target, met=None if value is None else meets(value), unit=unit)


def _percent(part: int, total: int) -> float | None:
    return 100 * part / total if total else None


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
