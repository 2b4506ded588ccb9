"""What a batch leaves beside the specs: the index over all modules, the summary log, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from nightwork.files import write_atomically
from nightwork.module_spec.about import about, about_package
from nightwork.module_spec.asking.context import needs_model
from nightwork.module_spec.current import covered
from nightwork.module_spec.document.hashes import source_hash
from nightwork.module_spec.document.header import IndexHeader, text_hash
from nightwork.module_spec.document.paths import INDEX
from nightwork.module_spec.render.index import IndexRow, render_index
from nightwork.module_spec.render.spec import generated_by
from nightwork.module_spec.result import BatchResult
from nightwork.module_spec.run import Run
from nightwork.module_spec.summary import summary_log_name, write_summary_log
from nightwork.outcome import Outcome, Reason, Status
from nightwork.spec_settings import NO_MODEL


def report(run: Run, outcomes: Mapping[str, Outcome], result: BatchResult) -> BatchResult:
    """Write the index and, when anything was written or went wrong, the summary log; returns the whole result."""
    is_index_new = _write_index(run, outcomes)
    removed, orphaned = _orphans(run)
    result = result.model_copy(update={"index_generated": True, "removed": removed, "orphaned": orphaned})
    if not (is_index_new or result.successful or result.degraded or result.failed or removed):
        return result
    path = run.specs.folder / summary_log_name(datetime.now(UTC))
    result = result.model_copy(update={"summary_log_path": path.relative_to(run.project.root).as_posix()})
    write_summary_log(result, path)
    return result


def _write_index(run: Run, outcomes: Mapping[str, Outcome]) -> bool:
    """Write the index unless only its date would differ; says whether it was written."""
    project = run.project
    rows = [_row(run, name, outcomes[name]) for name in project.units]
    rest = render_index(project, rows, about(project.root) or about_package(project))
    standing = {name: written.header.text_hash for name, written in run.written.items()}
    sources = {name: source_hash(project.skeletons_of(name)) for name in standing}
    tests = sorted(set(project.skeletons) - {path for unit in project.units.values() for path in unit.files})
    header = IndexHeader(
        last_updated=run.today,
        model=_writer(run),
        is_complete=all(_is_current(run, name, outcome) for name, outcome in outcomes.items()),
        covers=covered(standing, sources, tests, run.settings),
        text_hash=text_hash(rest),
        generated_by=generated_by(),
    )
    before = run.specs.read_index()
    if before and before == replace(header, last_updated=before.last_updated):
        return False
    write_atomically(run.specs.folder / INDEX, header.as_text() + rest, flush=False)
    return True


def _writer(run: Run) -> str:
    """Return the model whose specs stand; a run without one leaves another's as they are."""
    asked = [name for name in run.written if needs_model(run.project.skeletons_of(name))]
    models = {run.written[name].header.model for name in asked}
    return models.pop() if run.settings.model == NO_MODEL and len(models) == 1 else run.settings.model


def _is_current(run: Run, name: str, outcome: Outcome) -> bool:
    """Say whether no other run would write a spec anew."""
    is_there = outcome.status is Status.COMPLETED or outcome.reason is Reason.UNCHANGED
    return is_there and not run.written[name].header.degraded


def _row(run: Run, name: str, outcome: Outcome) -> IndexRow:
    written = run.written.get(name)
    if written is None:
        return IndexRow(name, outcome.label(), has_spec=False)
    status = "degraded" if written.header.degraded else _STANDING.get(outcome.reason, "current")
    if outcome.status in {Status.FAILED, Status.ABORTED}:
        status = outcome.label()
    return IndexRow(name, status, written.header.confidence, written.purpose)


_STANDING: dict[Reason | None, str] = {Reason.STALE: "stale", Reason.EDITED: "edited"}


def _orphans(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Remove the specs of modules that are gone, when an update was asked for; returns those, and those left.

    What a person has changed goes only when everything is written anew.
    """
    removed, left = list[str](), list[str]()
    for path, written in run.specs.others(run.project.units):
        is_wanted = run.wish.force or (run.wish.update and not written.is_edited)
        if is_wanted:
            path.unlink(missing_ok=True)
        (removed if is_wanted else left).append(path.relative_to(run.project.root).as_posix())
    return tuple(removed), tuple(left)
