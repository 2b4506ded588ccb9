"""What people decided: an append-only log per batch. The first decision on an attempt wins; a second is told so."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from nightwork.errors import StateError
from nightwork.files import append_record, read_records, write_atomically
from nightwork.markdown import one_line
from nightwork.redact import Redacted

COMMAND_LINE = "command line"
# Times that any time zone can tell; a log may come from a remote, and hold anything.
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What was decided."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request-changes"
    REJECT = "reject"
    ANSWER = "answer"


class Decision(BaseModel):
    """One decision on one attempt; an answer names an option of the escalation it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    attempt: int
    kind: Kind
    option: str | None = None
    message: Redacted = ""
    escalation: int = Field(default=0, description="number of the attempt's escalation that an answer belongs to")
    by: Redacted = COMMAND_LINE
    at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC), ge=_FIRST, le=_LAST)
    minutes: float | None = Field(default=None, description="time that the reviewer took, when known")

    def text(self) -> str:
        """Return an answer as the agent is told of it."""
        return f"{self.option}: {self.message}" if self.message else str(self.option)

    def told(self) -> str:
        """Return what holds, for the one who comes second: what, who and when."""
        what = self.option if self.kind is Kind.ANSWER else self.kind
        return f"{what} by {one_line(self.by)} at {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class DecisionLog:
    """The decisions of one batch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[Decision]:
        """Return the decisions, oldest first."""
        try:
            return [Decision.model_validate(record) for record in read_records(self.path)]
        except ValidationError as error:
            problem = f"holds a line that is no decision: {error.errors(include_url=False)[0]['msg']}"
            raise StateError(self.path, problem, "mend or remove the line") from error

    def take(self, decision: Decision) -> Decision:
        """Record a decision unless one was taken already; returns the one that holds."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for earlier in self.all():
                if _subject(earlier) == _subject(decision):
                    return earlier
            append_record(self.path, decision.model_dump(mode="json"))
        return decision

    def give_way(self, first: Sequence[Decision]) -> list[tuple[Decision, Decision]]:
        """Let decisions that were taken elsewhere stand before those here.

        Returns those of here that hold no more and are taken out, each with the one that holds instead.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            here, holding = self.all(), {_subject(decision): decision for decision in reversed(first)}
            united = [*first, *(decision for decision in here if _subject(decision) not in holding)]
            if united != here:
                lines = (json.dumps(decision.model_dump(mode="json"), ensure_ascii=False) for decision in united)
                write_atomically(self.path, "".join(f"{line}\n" for line in lines))
        overruled = [(decision, holding[_subject(decision)]) for decision in here if _subject(decision) in holding]
        return [(ours, holds) for ours, holds in overruled if ours != holds]

    def verdict_on(self, ticket: str, attempt: int) -> Decision | None:
        """Return what was decided on a merge request; None while nothing is."""
        found = [d for d in self.all() if (d.ticket, d.attempt) == (ticket, attempt) and d.kind is not Kind.ANSWER]
        return found[0] if found else None

    def answers(self, ticket: str, attempt: int) -> list[Decision]:
        """Return the answers to an attempt's escalations, in their order."""
        found = [d for d in self.all() if (d.ticket, d.attempt) == (ticket, attempt) and d.kind is Kind.ANSWER]
        return sorted(found, key=lambda decision: decision.escalation)


def _subject(decision: Decision) -> tuple[str, int, bool, int]:
    return decision.ticket, decision.attempt, decision.kind is Kind.ANSWER, decision.escalation
