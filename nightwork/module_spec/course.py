"""What is decided of each module while a batch is under way: begun or refused, and what is noted of its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightwork import engine
from nightwork.checkpoint import BatchState
from nightwork.engine import Future
from nightwork.llm.metered import ends_the_run
from nightwork.markdown import storable
from nightwork.module_spec.asking.answer import Answer
from nightwork.module_spec.job import Ref
from nightwork.module_spec.purse import Purse
from nightwork.module_spec.run import Run, Unwritable
from nightwork.module_spec.step import Ended, Step
from nightwork.outcome import PENDING, Outcome, Reason, Status
from nightwork.progress import Event, create_reporter
from nightwork.saving import Saving
from nightwork.settings import Settings
from nightwork.spec_settings import NO_MODEL, SpecsOptions

if TYPE_CHECKING:
    from nightwork.module_spec.asking.waves import Waves

Submit = Callable[[Ref], Future]
Write = Callable[[Ref, Answer | None, str], Outcome]


@dataclass
class Batch:
    """A run with its checkpoint and what it may spend."""

    run: Run
    state: BatchState
    checkpoint: Path
    settings: Settings
    options: SpecsOptions
    purse: Purse
    began: float


class Course:
    """One passage of the engine over a batch; `known` is how each module begins."""

    def __init__(self, batch: Batch, submit: Submit, write: Write, on_progress: Callable[[Event], object]) -> None:
        run, state = batch.run, batch.state
        before = {name: state.items.get(name, PENDING) for name in run.project.order}
        self._batch, self._run, self._submit, self._write = batch, run, submit, write
        self._done = {name for name, outcome in before.items() if outcome.status is Status.COMPLETED}
        self._waves: Waves | None = None
        self._given_up: list[Outcome] = []
        self.known = {name: _again(outcome) for name, outcome in before.items()}
        # What is done counts as done until it is looked at: this run may be killed before that.
        state.items = self.known | {name: before[name] for name in self._done}
        self.saving = Saving(state, batch.checkpoint, self._given_up.append)
        self.reporter = create_reporter(run.plan(self._done), on_event=on_progress)

    def begin(self, waves: Waves | None, at_once: bool) -> None:
        """Save that the batch is under way; `at_once` writes what needs no model, unless nothing may be begun."""
        self._waves = waves
        self.saving.now()
        if at_once and not self._refusal():
            self._run.write_ahead()

    def start(self, name: str) -> Future:
        """Begin a module, when anything is to be done about it."""
        run = self._run
        job = run.prepare(name, name in self._done) if run.model else run.prepared(name)
        if job.outcome is not None:
            return Ended(job.outcome)
        if not run.is_ahead(name):
            run.specs.path(job.unit)  # nothing is paid for what could not be written
        self.reporter.start(name)
        ref = run.ref(job)
        if self._waves is None or job.model == NO_MODEL:
            return Step(run, ref, self._submit)
        return self._waves.submit(name, run.prompt(ref), lambda it: self._write(ref, it.answer, it.reason))

    def record(self, name: str, outcome: Outcome) -> None:
        """Note what came of a module."""
        if outcome.status is Status.RUNNING:
            return
        cost_usd = self._batch.purse.spent_usd(name)
        self._batch.state.items[name] = outcome.with_(cost_usd=cost_usd, message=storable(outcome.message))
        if _ends_all(outcome):
            self._given_up.append(outcome)
        if outcome.started_at is not None and outcome.status is not Status.SKIPPED:
            self.reporter.complete(name, outcome)
            self.saving.after(is_paid=bool(cost_usd))

    def admit(self, name: str) -> Outcome | None:
        """Say why a module may not be begun; None when it may, or when nothing is to be begun for it."""
        refused = self._refusal()
        if refused is None or self._run.is_ahead(name):
            return None
        return refused if self._run.prepare(name, name in self._done).outcome is None else None

    def _refusal(self) -> Outcome | None:
        return self._given_up[0] if self._given_up else engine.refusal(self._batch.options.deadline)


def _ends_all(outcome: Outcome) -> bool:
    """Say whether what ended a module would end every other."""
    is_unwritable = outcome.error is not None and outcome.error.kind == Unwritable.__name__
    return is_unwritable or ends_the_run(outcome) or outcome.reason is Reason.BUDGET


def _again(before: Outcome) -> Outcome:
    """Return how a module begins: what failed before is tried once more."""
    return PENDING.with_(attempt=before.attempt + (before.status is Status.FAILED))
