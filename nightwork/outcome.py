"""What came of one item of a batch: one vocabulary for tickets, modules and documents.

Infrastructure, quota, money, time and people end an item as `aborted` (a resume runs it again); only the work's own
failure is `failed`. What the gates say is the `verdict`, a field of its own: a vetoed ticket is `completed`, `vetoed`.
"""

from __future__ import annotations

import traceback
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from nightwork.errors import BadInput, Infrastructure, NightworkError, StateError, Stopped
from nightwork.redact import Redacted

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 20_000


class Status(StrEnum):
    """How far an item came."""

    PENDING = "pending"  # not started in this run
    RUNNING = "running"  # started, not ended
    COMPLETED = "completed"  # done as asked
    PARTIAL = "partial"  # some of it is done and usable; the rest is listed
    ESCALATED = "escalated"  # waits for a person's decision
    FAILED = "failed"  # the work itself failed
    SKIPPED = "skipped"  # not started: something it depends on did not complete, or there is nothing to do
    ABORTED = "aborted"  # ended by quota, infrastructure, budget, deadline or stop; a resume runs it again


class Reason(StrEnum):
    """Why an item has its status."""

    AST_ONLY = "ast_only"  # completed without a model
    REMAINING_WORK = "remaining_work"  # partial: more complex than estimated
    TIMEOUT = "timeout"  # partial or failed: the item's time was over
    BUDGET = "budget"  # partial: the item's own limit; aborted: the batch's limit
    ARCHITECTURE = "architecture"  # escalated, as the following five
    SECURITY = "security"
    DATA = "data"
    COMPATIBILITY = "compatibility"
    UNCERTAINTY = "uncertainty"
    ITERATION_LIMIT = "iteration_limit"
    NO_CHANGE = "no_change"  # failed: the agent ended without changing anything
    GAVE_UP = "gave_up"  # failed: the agent said that it cannot be done
    MALFORMED = "malformed"  # failed: no valid answer after asking again
    STUCK = "stuck"  # failed: rounds without change
    BELOW_MARK = "below_mark"  # failed: what came of the last round does not pass
    ERROR = "error"  # failed: an unexpected answer of a tool, a model or a command agent
    DEPENDENCY = "dependency"  # skipped: a dependency did not complete
    CARRIED_OVER = "carried_over"  # skipped: a later batch has taken it up
    CLOSED = "closed"  # skipped: the ticket was closed meanwhile
    UNCHANGED = "unchanged"  # skipped: what it was made from is as it was
    STALE = "stale"  # skipped: what it was made from has changed, and nobody asked for an update
    EXISTS = "exists"  # skipped: what was asked for is there
    EDITED = "edited"  # skipped: a person has changed what was written; aborted: what is worked on, meanwhile
    RATE_LIMIT = "rate_limit"  # aborted, as the following four
    DEADLINE = "deadline"
    STOPPED = "stopped"
    INFRASTRUCTURE = "infrastructure"
    INTERNAL = "internal"  # a fault of nightwork itself; the traceback is kept


class Verdict(StrEnum):
    """What the gates say of one change."""

    PASSED = "passed"  # every gate ran and none vetoed
    VETOED = "vetoed"  # at least one hard veto
    NOT_RUN = "not_run"  # no gate configured, or one could not run: unknown never means safe
    BLOCKED_BY = "blocked_by"  # stacked on a change that is vetoed


class ErrorRecord(BaseModel):
    """An exception, kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    message: Redacted
    traceback: Redacted = ""


class Outcome(BaseModel):
    """What came of one item, as the checkpoint keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    reason: Reason | None = None
    message: Redacted = ""
    attempt: int = Field(default=1, ge=1)
    verdict: Verdict | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    cost_usd: float = 0.0
    waited_s: float = Field(default=0.0, ge=0, description="part of the time for which a provider was waited for")
    error: ErrorRecord | None = None

    def label(self) -> str:
        """Return the status with its reason, as people read it: `aborted(rate_limit)`."""
        return f"{self.status}({self.reason})" if self.reason else str(self.status)

    def is_settled(self) -> bool:
        """Say whether the engine leaves this item as it is."""
        ended = self.status in {Status.COMPLETED, Status.PARTIAL, Status.ESCALATED, Status.FAILED}
        return ended or self.reason in {Reason.CARRIED_OVER, Reason.CLOSED}

    def has_landed(self) -> bool:
        """Say whether the item left something to judge and to review."""
        return self.status in {Status.COMPLETED, Status.PARTIAL}

    def is_unjudged(self) -> bool:
        """Say whether the gates still have to judge what the item left."""
        return self.has_landed() and self.verdict is None

    def is_through(self) -> bool:
        """Say whether nothing is left to do for the item in this batch, but for people."""
        return self.status not in {Status.PENDING, Status.RUNNING, Status.ABORTED} and not self.is_unjudged()

    def worked_s(self) -> float | None:
        """Return the seconds of work from start to end; None when they are not known."""
        if not (self.started_at and self.ended_at):
            return None
        return (self.ended_at - self.started_at).total_seconds() - self.waited_s

    def with_(self, **changes: Any) -> Outcome:
        """Return a copy with some fields changed."""
        return self.model_copy(update=changes)


class Unfinished(NightworkError):
    """An item that did not end well: (outcome)."""

    @property
    def outcome(self) -> Outcome:
        """What came of the item."""
        outcome: Outcome = self.args[0]
        return outcome

    def __str__(self) -> str:
        return f"{self.outcome.label()}: {self.outcome.message}"

    def __repr__(self) -> str:
        return f"Unfinished({str(self)!r})"


PENDING = Outcome(status=Status.PENDING)


def outcome_of_error(error: BaseException) -> Outcome:
    """Say what an exception makes of its item: only what the work itself raised is `failed`."""
    text = _text(error)
    record = ErrorRecord(kind=type(error).__name__, message=text, traceback=_traceback(error))
    match error:
        case Unfinished():
            return error.outcome
        case Stopped() | KeyboardInterrupt():
            return Outcome(status=Status.ABORTED, reason=Reason.STOPPED, message=text or "stopped")
        case Infrastructure() | StateError() | BadInput():
            return Outcome(status=Status.ABORTED, reason=Reason.INFRASTRUCTURE, message=text, error=record)
        case OSError() | MemoryError():
            return Outcome(
                status=Status.ABORTED, reason=Reason.INFRASTRUCTURE, message=f"{record.kind}: {text}", error=record
            )
        case NightworkError():
            return Outcome(status=Status.FAILED, reason=Reason.ERROR, message=text, error=record)
    return Outcome(status=Status.ABORTED, reason=Reason.INTERNAL, message=f"{record.kind}: {text}", error=record)


def _text(error: BaseException) -> str:
    """Return an exception's text, short and storable, whatever its `__str__` does."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  part of the per-item boundary
        text = f"{type(error).__name__} without a text"
    return _storable(text, MAX_MESSAGE)


def _traceback(error: BaseException) -> str:
    return _storable("".join(traceback.format_exception(error)), MAX_TRACEBACK)


def _storable(text: str, most: int) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= most else f"{text[:most]}... ({len(text) - most:,} characters more)"
