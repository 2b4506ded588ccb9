"""What came of an operation over a range: every module of it, those of earlier runs too."""

from __future__ import annotations

from collections import Counter

from pydantic import AwareDatetime, BaseModel, ConfigDict
from rich.console import RenderableType

from nightwork.outcome import Outcome, Reason, Status
from nightwork.redact import Redacted
from nightwork.shown import Shown
from nightwork.track.work import Story


class Row(BaseModel):
    """One module: what came of it, and how it went; scores are 0 to 10, None where there was no review."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: str
    document: str
    status: Status
    reason: Reason | None = None
    message: Redacted = ""
    attempt: int = 1
    rounds: int = 0
    kept: int = 0
    lost: int = 0
    first: float | None = None
    last: float | None = None
    audit: bool | None = None
    findings: int = 0
    seconds: float | None = None
    cost_usd: float = 0.0

    @classmethod
    def of(cls, module: str, document: str, outcome: Outcome, story: Story | None) -> Row:
        """Return the row of a module."""
        told = story.model_dump(exclude={"digest"}) if story else {}
        return cls(
            module=module,
            document=document,
            status=outcome.status,
            reason=outcome.reason,
            message=outcome.message,
            attempt=outcome.attempt,
            seconds=outcome.worked_s(),
            cost_usd=outcome.cost_usd,
            **told,
        )

    def label(self) -> str:
        """Return the status with its reason: `failed(stuck)`."""
        return f"{self.status}({self.reason})" if self.reason else str(self.status)

    def is_flagged(self) -> bool:
        """Say whether a person has to look at it."""
        return self.status in {Status.FAILED, Status.ESCALATED} or (
            self.status is Status.SKIPPED and bool(self.message)
        )


class TrackResult(BaseModel, Shown):
    """All modules of a range, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    track: str
    title: str
    start: int
    end: int
    rows: tuple[Row, ...]
    pass_mark: float | None = None
    model: str = ""
    reviewer: str = ""
    ended_at: AwareDatetime
    duration_s: float = 0.0
    cost_usd: float = 0.0
    checkpoint: str = ""
    report: str = ""

    def counts(self) -> dict[str, int]:
        """Return how many modules came to what; the sum is the number of modules."""
        found = Counter(row.status for row in self.rows)
        return {str(status): found[status] for status in Status if found[status]}

    def flagged(self) -> tuple[Row, ...]:
        """Return the modules that a person has to look at."""
        return tuple(row for row in self.rows if row.is_flagged())

    def is_aborted(self) -> bool:
        """Say whether the run ended early; the same command goes on with it."""
        return any(row.status in {Status.ABORTED, Status.PENDING, Status.RUNNING} for row in self.rows)

    def is_complete(self) -> bool:
        """Say whether every module is done and nothing of it waits for a person."""
        return not self.is_aborted() and not self.flagged()

    def told(self) -> str:
        """Return the counts as people read them."""
        told = ", ".join(f"{count} {status}" for status, count in self.counts().items())
        return f"{self.operation} {self.track} {self.start} to {self.end}: {told}"

    def html(self) -> str:
        """Return it for a notebook."""
        from nightwork.track.report import fragment

        return fragment(self)

    def render(self) -> RenderableType:
        """Return it as people read it on a terminal."""
        from nightwork.track.terminal import render

        return render(self)
