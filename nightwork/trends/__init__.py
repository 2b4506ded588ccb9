"""What batches came to over time: the metrics of each, oldest first, and what the work has cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from rich.console import RenderableType

from nightwork.decision import Kind
from nightwork.manifest import BatchStatus, Manifest
from nightwork.metrics import Metric
from nightwork.outcome import Status
from nightwork.review.document import ReviewDocument
from nightwork.shown import Shown


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BatchFigures(_Frozen):
    """The numbers of one batch; `cost_per_completed_usd` is None while nothing is completed."""

    batch_id: str
    created_at: AwareDatetime
    status: BatchStatus
    total: int
    counts: dict[Status, int]
    metrics: tuple[Metric, ...]
    ready: int
    decided: int
    approved: int
    cost_usd: float
    cost_per_completed_usd: float | None

    @classmethod
    def of(cls, manifest: Manifest, document: ReviewDocument) -> BatchFigures:
        """Take the numbers of a batch from its review."""
        completed = document.counts[Status.COMPLETED]
        decisions = [row.decision for row in document.queue if row.decision]
        return cls(
            batch_id=manifest.batch_id,
            created_at=manifest.created_at,
            status=document.status,
            total=document.total,
            counts=document.counts,
            metrics=document.metrics,
            ready=sum(row.ready for row in document.queue),
            decided=len(decisions),
            approved=decisions.count(Kind.APPROVE),
            cost_usd=document.cost_usd,
            cost_per_completed_usd=document.cost_usd / completed if completed else None,
        )


class Series(_Frozen):
    """One number over all batches; None where nothing is known of it. `target` is empty when there is none."""

    name: str
    unit: str
    target: str
    values: tuple[float | None, ...]
    met: tuple[bool | None, ...]


class Trends(_Frozen, Shown):
    """The document of `nightwork trends --json`: batches from the oldest to the newest."""

    schema_version: Literal[1] = 1
    batches: tuple[BatchFigures, ...] = ()

    def series(self) -> list[Series]:
        """Return the metrics and the cost, each over all batches."""
        rows = [[*batch.metrics, *_costs(batch)] for batch in self.batches]
        return [_series(numbers) for numbers in zip(*rows, strict=True)]

    def html(self) -> str:
        """Return the charts and the newest batches for a notebook."""
        from nightwork.trends.page import fragment

        return fragment(self)

    def render(self) -> RenderableType:
        """Return the table of all batches."""
        from nightwork.trends import terminal

        return terminal.render(self)


def _costs(batch: BatchFigures) -> list[Metric]:
    numbers = [("cost", batch.cost_usd), ("cost per completed ticket", batch.cost_per_completed_usd)]
    return [Metric(name=name, value=value, target="", met=None, unit="$") for name, value in numbers]


def _series(numbers: Sequence[Metric]) -> Series:
    first = numbers[0]
    return Series(
        name=first.name,
        unit=first.unit,
        target=first.target,
        values=tuple(metric.value for metric in numbers),
        met=tuple(metric.met for metric in numbers),
    )
