"""The document of `nightwork review --json`, from which the terminal, the artifact and the page are made too.

Text in it is as its authors wrote it, which may be hostile: every form escapes it for itself.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from rich.console import RenderableType

from nightwork.agent.results import Option
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import Flag, GateStatus
from nightwork.gates.report import Severity
from nightwork.manifest import BatchStatus
from nightwork.metrics import Metric
from nightwork.outcome import Status, Verdict
from nightwork.shown import WIDTH, Shown
from nightwork.ticket import Priority
from nightwork.together import Conflict, Culprit, LeftOut

REVIEW_ORDER = (
    "security flags",
    "critical and high priority",
    "score over 90",
    "escalations, in a list of their own",
    "the rest",
    "what is decided already",
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rank(IntEnum):
    """Where a row of the queue stands (batch-pipeline.md, "Review Priority"); the escalations are number 4."""

    SECURITY = 1
    PRIORITY = 2
    SCORE = 3
    REST = 5
    DECIDED = 6


class GateRow(_Frozen):
    """What one gate says of a change."""

    gate: str
    measures: Measure
    status: GateStatus
    detail: str = ""


class QueueRow(_Frozen):
    """One change that waits for a person; `minutes` is what its review is expected to take."""

    ticket: str
    title: str
    branch: str
    commit: str
    attempt: int
    outcome: str
    score: float | None
    verdict: Verdict
    ready: bool
    gates: tuple[GateRow, ...] = ()
    vetoes: tuple[str, ...] = ()
    findings: dict[Severity, int] = Field(default={}, description="security findings that the change brings")
    flags: tuple[Flag, ...] = ()
    remarks: tuple[str, ...] = Field(default=(), description="where flags were found: `flag: path:line text`")
    priority: Priority
    minutes: int
    rank: Rank
    why: str = Field(description="why the row stands where it does")
    stacked_on: tuple[str, ...] = ()
    blocked_by: str | None = None
    conflicts_with: tuple[str, ...] = Field(default=(), description="tickets whose changes do not merge with this one")
    remaining: tuple[str, ...] = ()
    follow_up: str | None = Field(default=None, description="path of the draft ticket for what remains")
    decision: str | None = None
    merge_request: str | None = Field(default=None, description="path of the draft merge request")
    link: str | None = Field(default=None, description="page where the merge request of the pushed branch is opened")
    files: int
    added: int
    deleted: int
    cost_usd: float


class EscalationRow(_Frozen):
    """A decision that a person has to take; `blocks` are the tickets skipped because of it."""

    ticket: str
    title: str
    trigger: str
    summary: str
    context: str
    options: tuple[Option, ...] = ()
    recommendation: str | None
    questions: tuple[str, ...] = ()
    answer: str | None = None
    blocks: tuple[str, ...] = ()


class SkippedRow(_Frozen):
    """A ticket that was not started."""

    ticket: str
    title: str
    reason: str


class FailedRow(_Frozen):
    """A ticket that failed or was aborted; `outcome` is its label, `aborted(rate_limit)`."""

    ticket: str
    title: str
    outcome: str
    reason: str


class UnreadyRow(_Frozen):
    """A ticket that intake did not admit because of faults in it; `where` is its file or address."""

    ticket: str
    where: str
    reasons: tuple[str, ...]


class WarningRow(_Frozen):
    """Something to know of a ticket that keeps it from nothing."""

    ticket: str
    text: str


class LeftOutRow(_Frozen):
    """A ready ticket that this batch did not take."""

    ticket: str
    reason: str


class SpendingRow(_Frozen):
    """What one stage of one ticket has spent on one model; `unconfirmed_usd`, in `cost_usd`, is what nobody told."""

    ticket: str
    stage: str
    model: str
    calls: int
    cost_usd: float
    unconfirmed_usd: float = 0.0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0


class WaitRow(_Frozen):
    """A time for which a provider took no requests, in this batch's newest run."""

    provider: str
    kind: str = Field(description="`rate limit`, `outage` or `refused`")
    told: str = Field(description="from when to when, or what the provider said")


class TicketRow(_Frozen):
    """One admitted ticket and what it waits for: a node of the batch's graph."""

    ticket: str
    title: str
    status: Status
    verdict: Verdict | None = None
    dependencies: tuple[str, ...] = Field(default=(), description="tickets of this batch that come before it")


class Combination(_Frozen):
    """What came of merging the changes into one tree, in `order` onto the base, and running its tests."""

    status: GateStatus
    summary: str
    total: int = Field(description="changes that passed their gates")
    order: tuple[str, ...] = ()
    commit: str | None = None
    tests_passed: int = 0
    culprits: tuple[Culprit, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


class ReviewDocument(_Frozen, Shown):
    """What a batch came to: the ranked queue, what waits for answers, and what did not get done."""

    schema_version: Literal[1] = 1
    batch_id: str
    status: BatchStatus
    base: str
    sandbox: str
    agent: str = Field(default="", description="who worked, and what of yours it could reach")
    counts: dict[Status, int] = Field(description="admitted tickets by status, every status present")
    total: int = Field(description="admitted tickets: the sum of the counts")
    order: tuple[str, ...] = Field(default=REVIEW_ORDER, description="what is reviewed first, in words")
    tickets: tuple[TicketRow, ...] = Field(default=(), description="every admitted ticket, as the manifest has them")
    queue: tuple[QueueRow, ...] = ()
    together: Combination | None = Field(default=None, description="None before it was tried")
    escalations: tuple[EscalationRow, ...] = ()
    skipped: tuple[SkippedRow, ...] = ()
    failed: tuple[FailedRow, ...] = ()
    unready: tuple[UnreadyRow, ...] = ()
    warnings: tuple[WarningRow, ...] = ()
    left_out: tuple[LeftOutRow, ...] = ()
    red_on_base: tuple[str, ...] = Field(default=(), description="what the gates already say on the base commit")
    metrics: tuple[Metric, ...] = ()
    cost_usd: float = 0.0
    budget_usd: float | None = Field(default=None, description="what the batch may cost")
    spending: tuple[SpendingRow, ...] = ()
    waits: tuple[WaitRow, ...] = ()
    next_steps: tuple[str, ...] = Field(default=(), description="commands with a `# comment`, most valuable first")

    @model_validator(mode="after")
    def _counts_every_ticket(self) -> Self:
        if set(self.counts) != set(Status) or sum(self.counts.values()) != self.total:
            raise ValueError(f"counts need every status and a sum of {self.total}")
        return self

    def html(self) -> str:
        """Return the review for a notebook."""
        from nightwork.review.page import fragment

        return fragment(self)

    def render(self) -> RenderableType:
        """Return the dashboard."""
        from nightwork.review import terminal

        return terminal.render(self, WIDTH)
