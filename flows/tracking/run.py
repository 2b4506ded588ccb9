"""One run as it is told: read from its flow run and the labels that its process has left there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, StateType

from flows.wiring.naming import place_name
from flows.wiring.told import PREFIX, TO_DO
from nightwork.control import Detached
from nightwork.outcome import Status
from nightwork.run_id import STAMP, is_run_id
from nightwork.sandbox.mark import Life, Mark, is_signed

OPERATIONS = (
    "overnight", "intake", "generation", "gates", "review", "answers", "module-specs", "drift",
    "fix-review", "research", "orchestrate",
)  # fmt: skip
WORKING = frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})
OVER = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED})
_MOST = 1_000_000_000
_LONGEST_S = 366 * 86_400.0
_WORDS = {StateType.PENDING: "starting", StateType.CANCELLING: "stopping"}


@dataclass(frozen=True)
class Run:
    """One outermost run; times are aware. `status` and `message` are what is true of it, as far as can be told."""

    id: str
    flow_run_id: UUID | None
    operation: str
    status: str
    message: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    state_type: StateType | None = None
    is_deployed: bool = False
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    since: datetime | None = None  # when this start of it began, if that is known
    elapsed_s: float = 0.0

    @classmethod
    def of(cls, run: FlowRun, operation: str) -> Run:
        """Return what a flow run tells by itself."""
        labels = {key.removeprefix(PREFIX): value for key, value in run.labels.items() if key.startswith(PREFIX)}
        state, kind = run.state, run.state_type
        name = (state.name or "") if state else ""
        return cls(
            id=run.name,
            flow_run_id=run.id,
            operation=operation,
            status=_WORDS[kind] if kind in _WORDS else _spaced(name),
            message=(state.message or "") if state and state.type not in {StateType.RUNNING} else "",
            parameters=run.parameters,
            labels=labels,
            state_type=kind,
            is_deployed=run.deployment_id is not None,
            scheduled_at=run.expected_start_time,
            started_at=run.start_time,
            ended_at=run.end_time,
            since=state.timestamp if state and kind in {StateType.PENDING, StateType.RUNNING} else None,
            elapsed_s=run.estimated_run_time.total_seconds(),
        )

    def is_over(self) -> bool:
        """Say whether nothing more happens by itself."""
        return self.state_type is None or self.state_type in OVER

    def has_not_begun(self) -> bool:
        """Say whether no process has begun to work on it, though one may be about to."""
        return self.state_type is StateType.PENDING or (
            self.state_type is StateType.CANCELLING and self.started_at is None
        )

    @property
    def is_alone(self) -> bool:
        """Say whether its process is there for it alone."""
        return self.labels.get("is_alone") is True

    def own_process(self) -> int | None:
        """Return the living process that may be ended with it: one of this machine that bears its sign.

        Labels are what anybody has told the server; they alone never name a process to end.
        """
        mark = self.mark() if self.is_alone else None
        is_own = mark and mark.life() is Life.LIVES and is_signed(mark.pid, str(self.flow_run_id))
        return mark.pid if mark and is_own else None

    def mark(self) -> Mark | None:
        """Return the process that works on it; None when the one that is known is that of an earlier start."""
        began = _time(self.labels.get("began_at"))
        if began is None or (self.since is not None and began < self.since):
            return None
        return Mark.read(str(self.labels.get("process", "")))

    def life(self) -> Life:
        """Say whether its process lives."""
        mark = self.mark()
        return mark.life() if mark else Life.NOT_TOLD

    @property
    def range(self) -> str:
        """The part of a track, the batch, or the project that it is about."""
        if self.track:
            return f"{self.track} {self.parameters.get('start', '')}-{self.parameters.get('end', '')}"
        by_name = self.id.removeprefix(self.operation)[:-STAMP].strip("-") if is_run_id(self.id, self.operation) else ""
        return self.batch or by_name or str(self.labels.get("range", ""))

    @property
    def track(self) -> str:
        """What its track is called; nothing for other kinds."""
        if "track" not in self.parameters:
            return ""
        return str(self.labels.get("track") or place_name(str(self.parameters["track"])))

    @property
    def batch(self) -> str:
        """The overnight batch; nothing for other kinds, and while it has no name."""
        return str(self.labels.get("batch") or self.parameters.get("batch_id") or "")

    @property
    def folder(self) -> str:
        """Where on its machine it works; nothing when that is not told."""
        return str(self.labels.get("folder") or "")

    @property
    def counts(self) -> dict[str, int]:
        """How many items are in which outcome; nothing while it has not begun to work on items."""
        if "total" not in self.labels:
            return {}
        return {str(status): self._number(str(status)) for status in Status}

    @property
    def total(self) -> int:
        """How many items there are."""
        return self._number("total")

    @property
    def done(self) -> int:
        """How many items have come to an end; what was aborted has not."""
        return self.total - sum(self.counts.get(str(status), 0) for status in TO_DO)

    @property
    def cost_usd(self) -> float | None:
        """What it has cost; None while that is not told."""
        told = self.labels.get("cost_usd")
        return float(told) if isinstance(told, int | float) and 0 <= told <= _MOST else None

    def _number(self, name: str) -> int:
        told = self.labels.get(name, 0)
        return int(told) if isinstance(told, int | float) and 0 <= told <= _MOST else 0

    def left_s(self, now: datetime) -> float | None:
        """Return the seconds that the rest takes at the rate of this run; None while nothing tells of its rate."""
        since = _time(self.labels.get("counted_from"))
        skipped = self.counts.get(str(Status.SKIPPED), 0)
        worked_on = self.done - skipped - self._number("settled_before")
        if self.status != "running" or since is None or since > now or worked_on <= 0:
            return None
        left_s = (now - since).total_seconds() / worked_on * (self.total - self.done)
        return left_s if 0 <= left_s <= _LONGEST_S else None

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return what is told of it as JSON says it; seconds, dollars, ISO 8601."""
        left_s = self.left_s(now)
        return {
            "id": self.id,
            "flow_run_id": str(self.flow_run_id) if self.flow_run_id else None,
            "operation": self.operation,
            "range": self.range,
            "status": self.status,
            "message": self.message,
            "done": self.done,
            "total": self.total,
            "counts": self.counts,
            "elapsed_s": round(self.elapsed_s, 1),
            "left_s": None if left_s is None else round(left_s, 1),
            "ends_at": None if left_s is None else (now + timedelta(seconds=left_s)).isoformat(timespec="seconds"),
            "cost_usd": self.cost_usd or 0.0,
            "scheduled_at": _iso(self.scheduled_at),
            "started_at": _iso(self.started_at),
            "ended_at": _iso(self.ended_at),
            "repository": self.folder or str(self.parameters.get("repo", "")),
            "host": self.labels.get("host"),
            "process": self.labels.get("pid"),
        }


def early(note: Detached) -> Run:
    """Return a run in the background that has no flow run: not yet, or it ended before it had one."""
    operation = next((each for each in OPERATIONS if note.name.startswith(f"{each}-")), "")
    at = datetime.fromtimestamp(note.log.stat().st_mtime, UTC)
    if (pid := note.pid()) is not None:
        return Run(note.name, None, operation, "starting", "", {}, {"pid": pid}, StateType.PENDING, started_at=at)
    told = "ended before it began; its output says why"
    return Run(note.name, None, operation, "crashed", told, started_at=at, ended_at=at)


def _spaced(name: str) -> str:
    """Return a state's name in words: `NothingToDo` is `nothing to do`."""
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip().lower()


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
