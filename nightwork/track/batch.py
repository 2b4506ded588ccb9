"""A run of one operation over a range: its modules, each tried again when it may, none of which stops the others.

The checkpoint `.checkpoints/<operation>-<track>.json` is the truth of what is done; whoever deletes it starts over.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nightwork import engine, environment, stop
from nightwork.checkpoint import BatchState
from nightwork.engine import Future, guarded
from nightwork.files import make_ignored, remove_unfinished, write_atomically
from nightwork.ledger import OverBudget
from nightwork.llm.metered import ends_the_run
from nightwork.lock import hold
from nightwork.markdown import storable
from nightwork.order import Item
from nightwork.outcome import Outcome, Reason, Status
from nightwork.progress import Event, create_reporter
from nightwork.sandbox import Sandbox, open_sandbox
from nightwork.saving import Saving
from nightwork.settings import Settings
from nightwork.track.desk import Desks
from nightwork.track.gather import gather
from nightwork.track.improve import improve
from nightwork.track.paying import Models, open_models
from nightwork.track.range import Operation, Range
from nightwork.track.rebuild import rebuild
from nightwork.track.report import markdown
from nightwork.track.result import Row, TrackResult
from nightwork.track.standing import begins, is_over, take_up
from nightwork.track.track import Track
from nightwork.track.tries import Ended, Tries
from nightwork.track.work import ModuleRef, Step, Story, Work, at_once
from nightwork.workspace import Repository

logger = logging.getLogger("nightwork.track")

_WORK: Mapping[Operation, Callable[[Work], Outcome]] = {
    Operation.FIX_REVIEW: improve,
    Operation.RESEARCH: gather,
    Operation.ORCHESTRATE: rebuild,
}
# After these a module is tried again in the same run: another conversation may end better.
_TRIED_AGAIN = frozenset({Reason.MALFORMED, Reason.ERROR, Reason.EDITED})


@dataclass
class Batch:
    """A run over a range with its checkpoint and what it may spend."""

    range: Range
    state: BatchState
    models: Models
    desks: Desks
    began: float

    def ref(self, name: str) -> ModuleRef:
        """Return a module as a task takes it."""
        return ModuleRef(name, str(self.tries(name).folder))

    def tries(self, name: str) -> Tries:
        """Return the tries of this run at a module."""
        return tries_of(self.range, self.state, name)

    def parallel(self) -> int:
        """Return how many modules are worked on at the same time; orchestrate takes one after the other."""
        return 1 if self.range.operation is Operation.ORCHESTRATE else self.range.settings.tracks.parallel

    def work_on(self, ref: ModuleRef, step: Step = at_once) -> Outcome:
        """Work on one module, in as many tries as the settings allow; returns what came of the last one.

        May be called from any thread; whatever is raised is an outcome.
        """
        left = self.range.settings.tracks.retries
        while True:
            outcome = self._try(ref, step, may_again=left > 0)
            if outcome.reason not in _TRIED_AGAIN or left == 0 or stop.is_requested():
                return outcome
            logger.info("%s: %s: %s; it is tried again", ref.module, outcome.label(), outcome.message)
            left -= 1

    def _try(self, ref: ModuleRef, step: Step, may_again: bool) -> Outcome:
        tries, begun = self.tries(ref.module), list[Work]()

        def work() -> Outcome:
            tries.last()  # what cannot be trusted is neither passed over nor done again
            begun.append(self._work(replace(ref, folder=str(tries.open())), step))
            try:
                return _WORK[self.range.operation](begun[0])
            except OverBudget as error:
                return Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=str(error))

        outcome = guarded(work)
        if outcome.status is not Status.ABORTED or outcome.reason is Reason.EDITED:
            story, attempt = begun[0].story if begun else Story(), self.state.items[ref.module].attempt
            again = may_again and outcome.reason in _TRIED_AGAIN
            tries.end(Ended(outcome=outcome.with_(attempt=attempt), story=story, again=again))
        return outcome

    def _work(self, ref: ModuleRef, step: Step) -> Work:
        module = next(each for each in self.range.modules if each.id == ref.module)
        return Work(
            ref=ref,
            track=self.range.track,
            module=module,
            settings=self.range.settings.tracks,
            writer=self.models.writer,
            reviewer=self.models.reviewer,
            desks=self.desks,
            step=step,
        )


def tries_of(chosen: Range, state: BatchState, name: str) -> Tries:
    """Return the tries of a run at a module; a run that is begun anew knows nothing of them."""
    return Tries(chosen.folder / state.run_id / name)


@contextlib.contextmanager
def open_batch(chosen: Range, patience_s: float = 0.0) -> Iterator[Batch]:
    """Hold the repository of a range for one run; an unfinished run over the same range is gone on with.

    Raises BadInput when another run holds it after `patience_s` seconds, or the checkpoint is that of an unfinished run
    about something else; StateError for a corrupt one.
    """
    began, root = time.perf_counter(), chosen.track.root
    with hold(root, f"{chosen.operation} {chosen.track.name}", patience_s=patience_s):
        state = take_up(chosen.checkpoint, chosen.subject(), chosen.modules)
        make_ignored(chosen.checkpoint.parent)
        for folder in (chosen.checkpoint.parent, chosen.folder, chosen.track.folder):
            remove_unfinished(folder)
        desks = Desks(chosen.track, _sandbox(chosen.track, chosen.settings), chosen.folder / "desks")
        desks.clear()
        models = open_models(root, chosen.settings, state.run_id, chosen.settings.tracks.parallel)
        batch = Batch(chosen, state, models, desks, began)
        state.items = begins(state, chosen.modules, batch.tries)
        try:
            yield batch
        finally:
            desks.clear()


def done_before(chosen: Range) -> TrackResult | None:
    """Return what came of a range when nothing is left to do: it was worked through, and no file was changed since."""
    if not chosen.checkpoint.exists():
        return None
    began, begun = time.perf_counter(), standing_of(chosen)
    if not all(is_over(outcome) for outcome in begun.values()):
        return None
    state = take_up(chosen.checkpoint, chosen.subject(), chosen.modules)
    return result_of(chosen, state, sum(outcome.cost_usd for outcome in begun.values()), began)


def standing_of(chosen: Range) -> dict[str, Outcome]:
    """Return how each module of a range would begin now, without changing anything; raises as `open_batch` does."""
    state = take_up(chosen.checkpoint, chosen.subject(), chosen.modules)
    return begins(state, chosen.modules, lambda name: tries_of(chosen, state, name))


def run_modules(
    batch: Batch,
    submit: Callable[[ModuleRef], Future],
    on_progress: Callable[[Event], object] = lambda _: None,
) -> TrackResult:
    """Work on every module that is not settled, `submit` starting `Batch.work_on`; returns what came of all."""
    state, given_up = batch.state, list[Outcome]()
    saving = Saving(state, batch.range.checkpoint, given_up.append)
    saving.now()
    settled = sum(outcome.is_settled() for outcome in state.items.values())
    reporter = create_reporter(len(state.items), settled, on_progress)

    def record(name: str, outcome: Outcome) -> None:
        if outcome.status is Status.RUNNING:
            reporter.start(name)
            return
        state.items[name] = outcome.with_(cost_usd=batch.models.spent_usd(name), message=storable(outcome.message))
        given_up.extend([outcome] if ends_the_run(outcome) or outcome.reason is Reason.BUDGET else [])
        saving.after(is_paid=bool(state.items[name].cost_usd))
        reporter.complete(name, outcome)

    with stop.on_signals():
        engine.run(
            [Item(module.id, (), (float(module.number),)) for module in batch.range.modules],
            state.items,
            lambda name: submit(batch.ref(name)),
            parallel=batch.parallel(),
            record=record,
            admit=lambda _: given_up[0] if given_up else engine.refusal(batch.range.options.deadline),
        )
    reporter.finish()
    saving.now()
    return _reported(batch)


def run_range(chosen: Range, on_progress: Callable[[Event], object] = lambda _: None) -> TrackResult:
    """Run an operation over a range in this process, without Prefect."""
    with open_batch(chosen) as batch, ThreadPoolExecutor(batch.parallel()) as pool:
        return run_modules(batch, lambda ref: pool.submit(batch.work_on, ref), on_progress)


def result_of(chosen: Range, state: BatchState, cost_usd: float, began: float) -> TrackResult:
    """Return what came of all modules of a range, those of earlier runs too."""
    track, tracks, rubric = chosen.track, chosen.settings.tracks, chosen.track.definition.rubric
    rows = []
    for module in chosen.modules:
        ended = tries_of(chosen, state, module.id).told()
        shown = module.document.relative_to(track.root).as_posix()
        rows.append(Row.of(module.id, shown, state.items[module.id], ended.story if ended else None))
    return TrackResult(
        operation=chosen.operation,
        track=track.name,
        title=track.definition.title,
        start=chosen.modules[0].number,
        end=chosen.modules[-1].number,
        rows=tuple(rows),
        pass_mark=rubric.pass_mark if rubric and chosen.operation is not Operation.RESEARCH else None,
        model=tracks.model,
        reviewer=tracks.reviewer or tracks.model,
        ended_at=datetime.now(UTC),
        duration_s=time.perf_counter() - began,
        cost_usd=cost_usd,
        checkpoint=chosen.checkpoint.relative_to(track.root).as_posix(),
        report=chosen.report.relative_to(track.root).as_posix(),
    )


def _reported(batch: Batch) -> TrackResult:
    result = result_of(batch.range, batch.state, batch.models.spent_usd(), batch.began)
    try:
        write_atomically(batch.range.report, markdown(result))
    except OSError as error:
        logger.warning("the report could not be written: %s", error)
    return result


def _sandbox(track: Track, settings: Settings) -> Sandbox:
    """Return the sandbox of the audit, with the environment that the settings ask for."""
    audit, confinement, state = track.definition.audit, settings.sandbox, track.root / ".nightwork"
    if audit and audit.memory_mb:
        confinement = confinement.model_copy(update={"memory_mb": audit.memory_mb})
    if not settings.environment.setup:
        return open_sandbox(state, confinement=confinement)
    repository = Repository.open(track.root)
    base = repository.resolve(settings.base)
    return open_sandbox(state, environment.prepare(repository, settings.environment, base, confinement), confinement)
