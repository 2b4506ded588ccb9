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
from pathlib import Path
from typing import TYPE_CHECKING

from nightwork import engine, stop
from nightwork.checkpoint import BatchState, clear_checkpoint, load_checkpoint
from nightwork.errors import Infrastructure, StateError
from nightwork.files import remove_unfinished
from nightwork.lock import hold
from nightwork.module_spec.course import Batch, Course, Submit, Write
from nightwork.module_spec.dates import today
from nightwork.module_spec.document.written import CHECKPOINT, checked_checkpoint, checked_root, refuse_odd_folders
from nightwork.module_spec.job import Wish
from nightwork.module_spec.purse import STATE, Purse
from nightwork.module_spec.report import report
from nightwork.module_spec.result import BatchResult, sorted_out
from nightwork.module_spec.run import Run
from nightwork.module_spec.source.project import Project
from nightwork.module_spec.source.scan import scan
from nightwork.module_spec.source.units import SPECS
from nightwork.module_spec.step import Ended
from nightwork.order import Item
from nightwork.outcome import Status
from nightwork.progress import Event
from nightwork.settings import load
from nightwork.spec_settings import SpecsOptions, SpecsSettings

if TYPE_CHECKING:
    from nightwork.module_spec.asking.waves import Waves

# After these, those may be told that need a module: there is something to show of it.
_RELEASES = frozenset({Status.COMPLETED, Status.SKIPPED, Status.FAILED})


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
    course, parallel = Course(batch, submit, write or batch.run.write, on_progress), batch.settings.specs.parallel
    with stop.on_signals(), _waves(batch) as waves:
        course.begin(waves, at_once)
        engine.run(
            _items(batch.run),
            course.known,
            course.start,
            parallel=sys.maxsize if waves else parallel,
            record=course.record,
            admit=course.admit,
            inbox=waves,
            releases=_RELEASES,
        )
        if waves:
            waves.settle_rest()
    course.reporter.finish()
    result = _reported(batch)
    if result.aborted:
        course.saving.now()
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
    from nightwork.llm.underway import Pace  # the client costs a second to import, and who wants no batch needs none
    from nightwork.module_spec.asking.waves import Waves

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


def _state(path: Path, name: str) -> BatchState:
    state = load_checkpoint(path)
    if state is None:
        return BatchState.new("specs", name, [])
    if state.kind != "specs":
        raise StateError(path, f"is the checkpoint of another kind of batch, {state.kind!r}", "move it away")
    return state


def _items(run: Run) -> list[Item]:
    """Return the modules with what has to be told before them; broken edges hold nobody up."""
    return [
        Item(name, tuple(edge.target for edge in run.project.needs[name] if not edge.is_broken), (float(place),))
        for place, name in enumerate(run.project.order)
    ]
