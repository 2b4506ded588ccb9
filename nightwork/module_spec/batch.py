"""A batch of module specs: what is missing, failed or degraded is written, dependencies first, several at once.

Only `specs/` is ever written. What is there already is left alone, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nightwork import engine, stop
from nightwork.checkpoint import BatchState, clear_checkpoint, load_checkpoint
from nightwork.engine import Future
from nightwork.errors import Infrastructure, StateError
from nightwork.files import remove_unfinished
from nightwork.llm.metered import ends_the_run
from nightwork.llm.underway import Pace
from nightwork.lock import hold
from nightwork.markdown import storable
from nightwork.module_spec.asking.answer import Answer
from nightwork.module_spec.asking.waves import Waves
from nightwork.module_spec.dates import today
from nightwork.module_spec.document.written import CHECKPOINT, checked_checkpoint, checked_root, refuse_odd_folders
from nightwork.module_spec.job import Ref, Wish
from nightwork.module_spec.purse import STATE, Purse
from nightwork.module_spec.report import report
from nightwork.module_spec.result import BatchResult, sorted_out
from nightwork.module_spec.run import Run, Unwritable
from nightwork.module_spec.saving import Saving
from nightwork.module_spec.source.project import Project
from nightwork.module_spec.source.scan import scan
from nightwork.module_spec.source.units import SPECS
from nightwork.module_spec.step import Ended, Step
from nightwork.order import Item
from nightwork.outcome import PENDING, Outcome, Reason, Status
from nightwork.progress import Event, create_reporter
from nightwork.settings import Settings, load
from nightwork.spec_settings import NO_MODEL, SpecsOptions, SpecsSettings

Submit = Callable[[Ref], Future]
Write = Callable[[Ref, Answer | None, str], Outcome]
# After these, those may be told that need a module: there is something to show of it.
_RELEASES = frozenset({Status.COMPLETED, Status.SKIPPED, Status.FAILED})


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


@contextlib.contextmanager
def open_batch(root: str | Path, options: SpecsOptions, checkpoint_path: str | Path = CHECKPOINT) -> Iterator[Batch]:
    """Read a project and hold it for one run; an unfinished run is gone on with.

    Raises BadInput for a folder that is none and for settings that cannot be used, StateError for a checkpoint that is
    corrupt or of another batch.
    """
    began = time.perf_counter()
    folder = checked_root(root)
    refuse_odd_folders(folder, (SPECS, STATE))
    checkpoint = checked_checkpoint(folder, checkpoint_path)
    settings = load(folder, options.flags())
    with hold(folder, "module specs", STATE), _scanned(folder, settings.specs) as project:
        remove_unfinished(folder / SPECS)
        state = _state(checkpoint, project.name)
        purse = Purse.of(folder, settings, state.run_id, time.time())
        run = Run(
            project=project,
            settings=settings.specs,
            wish=Wish(options.update, options.force),
            today=today(),
            model=purse.model,
            salt=state.run_id if options.force else "",
        )
        yield Batch(run, state, checkpoint, settings, options, purse, began)


def run_modules(
    batch: Batch,
    submit: Submit,
    on_progress: Callable[[Event], object] = lambda _: None,
    write: Write | None = None,
    at_once: bool = False,
) -> BatchResult:
    """Write the specs of a batch, `submit` starting `Run.ask` for each; returns what came of all modules.

    Where answers come in Message Batches nothing is submitted, and `write` is `Run.write`, or calls it. `at_once`
    writes what needs no model first and on two cores, for who has no use for a task of each.
    """
    run, state, settings = batch.run, batch.state, batch.settings.specs
    given_up = list[Outcome]()
    saving = Saving(state, batch.checkpoint, given_up.append)
    before = {name: state.items.get(name, PENDING) for name in run.project.order}
    done = {name for name, outcome in before.items() if outcome.status is Status.COMPLETED}
    known = {name: _again(outcome) for name, outcome in before.items()}
    state.items = known | {name: before[name] for name in done}  # as done until they are looked at, whenever that ends
    reporter = create_reporter(run.plan(done), on_event=on_progress)
    if at_once:
        run.write_ahead()

    def start(name: str) -> Future:
        job = run.prepare(name, name in done) if run.model else run.prepared(name)
        if job.outcome is not None:
            return Ended(job.outcome)
        run.specs.path(job.unit)  # nothing is paid for what could not be written
        reporter.start(name)
        ref = run.ref(job)
        if waves is None or job.model == NO_MODEL:
            return Step(run, ref, submit)
        return waves.submit(name, run.prompt(ref), lambda it: (write or run.write)(ref, it.answer, it.reason))

    def record(name: str, outcome: Outcome) -> None:
        if outcome.status is Status.RUNNING:
            return
        state.items[name] = outcome.with_(cost_usd=batch.purse.spent_usd(name), message=storable(outcome.message))
        given_up.extend([outcome] if _ends_all(outcome) else [])
        if outcome.started_at is not None and outcome.status is not Status.SKIPPED:
            reporter.complete(name, outcome)
            saving.after(is_paid=bool(state.items[name].cost_usd))

    def admit(name: str) -> Outcome | None:
        refused = given_up[0] if given_up else _refusal(batch.options)
        return refused if refused and run.prepare(name, name in done).outcome is None else None

    with stop.on_signals(), _waves(batch) as waves:
        saving.now()
        engine.run(
            _items(run),
            known,
            start,
            parallel=sys.maxsize if waves else settings.parallel,
            record=record,
            admit=admit,
            inbox=waves,
            releases=_RELEASES,
        )
        if waves:
            waves.settle_rest()
    reporter.finish()
    result = _reported(batch)
    if result.aborted:
        saving.now()
    else:
        clear_checkpoint(batch.checkpoint)
    return result


def run_batch(
    project_root: str | Path,
    force: bool = False,
    on_progress: Callable[[Event], object] | None = None,
    max_retries: int | None = None,
    checkpoint_path: str | Path = CHECKPOINT,
    options: SpecsOptions | None = None,
) -> BatchResult:
    """Write the specs of a whole project, each after those of what it needs (batch-module-contract.md, "runBatch").

    What is missing, failed or degraded is written; `force` writes everything anew. `max_retries` is 3 unless the
    settings say otherwise. `on_progress` is told of each module that begins and ends. `options` say the rest.
    """
    chosen = options or SpecsOptions()
    chosen = chosen.model_copy(update={"force": force or chosen.force})
    if max_retries is not None:
        chosen = chosen.model_copy(update={"max_retries": max_retries})
    with open_batch(project_root, chosen, checkpoint_path) as batch:
        ask, tell = batch.run.ask, on_progress or (lambda _: None)
        if batch.run.model is None:
            return run_modules(batch, lambda ref: Ended(ask(ref)), tell, at_once=True)
        with ThreadPoolExecutor(batch.settings.specs.parallel) as pool:
            return run_modules(batch, lambda ref: pool.submit(ask, ref), tell)


@contextlib.contextmanager
def _waves(batch: Batch) -> Iterator[Waves | None]:
    """Give what sends answers' requests in Message Batches; None where they are not wanted, or the model has none."""
    purse, settings = batch.purse, batch.settings.specs
    if not settings.message_batches or purse.model is None or purse.sendings is None:
        yield None
        return
    pace = Pace(deadline=batch.options.deadline, parallel=settings.parallel, max_retries=settings.max_retries)
    with Waves(purse.model, purse.sendings, pace) as waves:
        yield waves


def _result(batch: Batch) -> BatchResult:
    lines = batch.purse.lines()
    return BatchResult(
        total_modules=len(batch.state.items),
        **sorted_out(batch.state.items),
        duration_ms=int((time.perf_counter() - batch.began) * 1000),
        model=batch.settings.specs.model,
        cost_usd=sum(line.spent_usd for line in lines),
        input_tokens=sum(
            line.tokens.input_tokens + line.tokens.cache_read_tokens + line.tokens.cache_write_tokens for line in lines
        ),
        output_tokens=sum(line.tokens.output_tokens for line in lines),
    )


@contextlib.contextmanager
def _scanned(root: Path, settings: SpecsSettings) -> Iterator[Project]:
    """Give a project, which the collector passes over: to look through it again and again costs a tenth of a run."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        project = scan(root, settings)
        gc.freeze()
        if is_on:
            gc.enable()
        yield project
    finally:
        gc.unfreeze()
        if is_on:
            gc.enable()


def _reported(batch: Batch) -> BatchResult:
    """Return the whole result; raises Infrastructure when all is written but the index."""
    result = _result(batch)
    try:
        return report(batch.run, batch.state.items, result)
    except OSError as error:
        if result.aborted:
            return result
        raise Infrastructure("the index", f"is not written: {error}; make room, then run again") from error


def _ends_all(outcome: Outcome) -> bool:
    """Say whether what ended a module would end every other."""
    is_unwritable = outcome.error is not None and outcome.error.kind == Unwritable.__name__
    return is_unwritable or ends_the_run(outcome) or outcome.reason is Reason.BUDGET


def _state(path: Path, name: str) -> BatchState:
    state = load_checkpoint(path)
    if state is None:
        return BatchState.new("specs", name, [])
    if state.kind != "specs":
        raise StateError(path, f"is the checkpoint of another kind of batch, {state.kind!r}", "move it away")
    return state


def _again(before: Outcome) -> Outcome:
    """Return how a module begins: what failed before is tried once more."""
    return PENDING.with_(attempt=before.attempt + (before.status is Status.FAILED))


def _items(run: Run) -> list[Item]:
    """Return the modules with what has to be told before them; broken edges hold nobody up."""
    return [
        Item(name, tuple(edge.target for edge in run.project.needs[name] if not edge.is_broken), (float(place),))
        for place, name in enumerate(run.project.order)
    ]


def _refusal(options: SpecsOptions) -> Outcome | None:
    """Say why no further module may be begun; None when one may."""
    if stop.is_requested():
        return Outcome(status=Status.ABORTED, reason=Reason.STOPPED, message="the run was stopped")
    if options.deadline and datetime.now(UTC) > options.deadline:
        message = f"the deadline, {options.deadline:%Y-%m-%d %H:%M %Z}, is over"
        return Outcome(status=Status.ABORTED, reason=Reason.DEADLINE, message=message)
    return None
