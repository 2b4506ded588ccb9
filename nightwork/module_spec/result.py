"""What came of a batch of module specs, in the contract's form (batch-module-contract.md, "runBatch")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer
from rich.console import RenderableType

from nightwork.markdown import storable
from nightwork.outcome import Outcome, Reason, Status
from nightwork.shown import Shown

# A name of a file may hold bytes that JSON cannot.
Told = Annotated[str, PlainSerializer(storable, when_used="json")]


class FailedModule(BaseModel):
    """A module that has no spec of this run, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Told
    reason: Told
    attempts: int = 1


class BatchResult(BaseModel, Shown):
    """All modules of the project, each in one of `successful`, `degraded`, `skipped` and `failed`.

    `stale` and `edited` are those of the skipped whose source has changed since, and whose spec a person has changed.
    `aborted` are those of the failed that a resume takes up, last those that only wait for one of them. Paths are those
    of the units.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_modules: int
    successful: tuple[Told, ...] = ()
    failed: tuple[FailedModule, ...] = ()
    skipped: tuple[Told, ...] = ()
    degraded: tuple[Told, ...] = ()
    stale: tuple[Told, ...] = ()
    edited: tuple[Told, ...] = ()
    aborted: tuple[Told, ...] = ()
    removed: tuple[Told, ...] = ()
    orphaned: tuple[Told, ...] = ()
    duration_ms: int = 0
    index_generated: bool = False
    summary_log_path: str | None = None
    model: str = "none"
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0

    def counts(self) -> dict[str, int]:
        """Return how many modules came to what; the first four sum up to the total."""
        unchanged = len(self.skipped) - len(self.stale) - len(self.edited)
        kinds = {"written": len(self.successful), "degraded": len(self.degraded), "skipped": len(self.skipped)}
        kinds |= {"failed": len(self.failed), "unchanged": unchanged, "stale": len(self.stale)}
        return kinds | {"edited": len(self.edited), "aborted": len(self.aborted)}

    def told(self) -> str:
        """Return the counts as people read them."""
        counts = self.counts()
        counts["failed"] -= counts["aborted"]
        order = ("written", "degraded", "unchanged", "stale", "edited", "failed", "aborted")
        told = ", ".join(f"{counts[kind]} {kind}" for kind in order if counts[kind])
        return f"{self.total_modules} modules: {told or 'nothing to do'}"

    def html(self) -> str:
        """Return it for a notebook."""
        from nightwork.module_spec.notebook import fragment

        return fragment(self)

    def render(self) -> RenderableType:
        """Return it as people read it on a terminal."""
        from nightwork.module_spec import terminal

        return terminal.render(self)


def is_degraded(outcome: Outcome) -> bool:
    """Say whether a model should have written a spec and did not."""
    return outcome.reason is Reason.AST_ONLY and bool(outcome.message)


def sorted_out(outcomes: Mapping[str, Outcome]) -> dict[str, tuple[str, ...] | tuple[FailedModule, ...]]:
    """Return the lists of a result."""
    done = {name for name, outcome in outcomes.items() if outcome.status is Status.COMPLETED}
    degraded = {name for name in done if is_degraded(outcomes[name])}
    passed_over = {name for name, outcome in outcomes.items() if outcome.reason in _PASSED_OVER}
    failed = [name for name in sorted(outcomes) if name not in done | passed_over]
    aborted = [name for name in failed if outcomes[name].status is not Status.FAILED]
    return {
        "successful": tuple(sorted(done - degraded)),
        "degraded": tuple(sorted(degraded)),
        "skipped": tuple(sorted(passed_over)),
        "stale": _with_reason(outcomes, Reason.STALE),
        "edited": _with_reason(outcomes, Reason.EDITED),
        "aborted": tuple(sorted(aborted, key=lambda name: outcomes[name].reason is Reason.DEPENDENCY)),
        "failed": tuple(
            FailedModule(
                path=name, reason=outcomes[name].message or outcomes[name].label(), attempts=outcomes[name].attempt
            )
            for name in failed
        ),
    }


_PASSED_OVER = frozenset({Reason.UNCHANGED, Reason.STALE, Reason.EDITED})


def _with_reason(outcomes: Mapping[str, Outcome], reason: Reason) -> tuple[str, ...]:
    return tuple(sorted(name for name, outcome in outcomes.items() if outcome.reason is reason))
