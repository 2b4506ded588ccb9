"""What a batch leaves beside the specs: the index over all modules, the summary log, and its result."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from nightwork.files import write_atomically
from nightwork.module_spec.current import covered
from nightwork.module_spec.header import IndexHeader, text_hash
from nightwork.module_spec.paths import INDEX
from nightwork.module_spec.render.index import IndexRow, render_index
from nightwork.module_spec.render.spec import generated_by
from nightwork.module_spec.result import BatchResult, is_degraded
from nightwork.module_spec.run import Run
from nightwork.module_spec.summary import summary_log_name, write_summary_log
from nightwork.outcome import Outcome, Reason, Status

_READMES = ("README.md", "README.rst", "README.txt", "README")
_MOST_READ = 20_000


def about(root: Path) -> str:
    """Return what a project says of itself: the first paragraph of its README, else its description."""
    for name in _READMES:
        try:
            text = (root / name).read_bytes()[:_MOST_READ].decode("utf-8", "replace")
        except OSError:
            continue
        paragraphs = (each.strip() for each in text.replace("\r\n", "\n").split("\n\n"))
        found = next((each for each in paragraphs if each[:1].isalpha() and "\n===" not in each), "")
        if found:
            return found
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project", {})
        return str(project.get("description", ""))
    except (OSError, ValueError, AttributeError):
        return ""


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
    rest = render_index(project, rows, about(project.root))
    standing = {name: written.header.text_hash for name, written in run.written.items()}
    tests = sorted(set(project.skeletons) - {path for unit in project.units.values() for path in unit.files})
    header = IndexHeader(
        last_updated=run.today,
        model=run.settings.model,
        is_complete=all(outcome.reason is Reason.UNCHANGED or _is_done(outcome) for outcome in outcomes.values()),
        covers=covered(standing, tests, run.settings),
        text_hash=text_hash(rest),
        generated_by=generated_by(),
    )
    before = run.specs.read_index()
    if before and before == replace(header, last_updated=before.last_updated):
        return False
    write_atomically(run.specs.folder / INDEX, header.as_text() + rest, flush=False)
    return True


def _is_done(outcome: Outcome) -> bool:
    return outcome.status is Status.COMPLETED and not is_degraded(outcome)


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
    """Remove the specs of modules that are gone, when an update was asked for; returns those, and those left."""
    found = list(run.specs.others(run.project.units))
    names = tuple(path.relative_to(run.project.root).as_posix() for path in found)
    if not (run.wish.update or run.wish.force):
        return (), names
    for path in found:
        path.unlink(missing_ok=True)
    return names, ()
