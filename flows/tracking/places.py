"""Where a run has left what: checkpoint, manifest and report, when its folder is on this machine; and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flows.tracking.run import Run
from nightwork.control import Detached
from nightwork.control.detached import is_output
from nightwork.markdown import one_line
from nightwork.module_spec.document.paths import INDEX
from nightwork.module_spec.document.written import CHECKPOINT
from nightwork.module_spec.source.units import SPECS
from nightwork.track.standing import checkpoint_path, report_path

_DONE = frozenset({"completed", "nothing to do", "nothing ready", "drifted"})
_WAITS = frozenset({"suspended", "paused"})
_TRACK_FLAGS = frozenset({"model", "reviewer", "parallel", "retries", "budget_usd"})


def output_of(run: Run, notes: Sequence[Detached]) -> Path | None:
    """Return the file that holds what a run in the background has said, when it is here."""
    told = str(run.labels.get("output") or "")
    found = [path for path in [Path(told)] if is_output(path, run.id)]
    found += [note.log for note in notes if note.name == run.id]
    return next((path for path in found if path.is_file()), None)


def places(run: Run, output: Path | None) -> list[tuple[str, str]]:
    """Return what there is of a run on this machine, each with its name."""
    root = _root(run)
    found = list[tuple[str, Path]]()
    if root is not None and "track" in run.parameters:
        named = (root, run.operation, run.track)
        report = [("report", report_path(*named))] if run.is_over() else []  # until then it is that of the run before
        found = [("checkpoint", checkpoint_path(*named)), *report]
    elif root is not None and run.operation == "module-specs":
        found = [("checkpoint", root / CHECKPOINT), ("report", root / SPECS / INDEX)]
    elif root is not None and run.batch:
        batch = root / ".nightwork" / "batches" / run.batch
        files = {"checkpoint": "checkpoint.json", "manifest": "manifest.yaml", "report": "review.html"}
        found = [(name, batch / file) for name, file in files.items()]
    there = [(name, str(path)) for name, path in found if path.is_file()]
    return [*there, ("output", str(output))] if output else there


def next_step(run: Run) -> str:
    """Return the command that goes on from here."""
    name = shlex.quote(one_line(run.id))
    if not run.is_over():
        if run.status in _WAITS:
            return "it waits for a person: answer it in the Prefect UI"
        return f"`nightwork logs {name} -f` follows it, `nightwork stop {name}` ends it"
    if run.flow_run_id is None:
        return f"`nightwork logs {name}` shows what it said; mend that and start it again"
    where = f" --repo {shlex.quote(run.folder)}" if run.folder else ""
    if run.status in _DONE:
        return f"`nightwork review{where}`" if run.operation in {"overnight", "review"} else "nothing is left to do"
    does = "goes on where it ended"
    if run.status == "incomplete" and "track" in run.parameters:
        does = "takes up what failed or was changed since; the report says what a person has to look at"
    return f"`{_command(run, where)}` {does}{'; so does Retry in the UI' if run.is_deployed else ''}"


def _command(run: Run, where: str) -> str:
    if "track" in run.parameters:
        parts = [run.operation, *(str(run.parameters.get(name, "")) for name in ("track", "start", "end"))]
        return f"nightwork {shlex.join([*parts, *_flags(run.parameters.get('options'))])}"
    if run.operation in {"module-specs", "drift"}:
        return f"nightwork {'specs' if run.operation == 'module-specs' else 'drift'}{where}"
    if run.operation == "intake":
        return f"nightwork run{where}"
    return f"nightwork resume{f' {shlex.quote(run.batch)}' if run.batch else ''}{where}"


def _flags(options: object) -> Iterator[str]:
    """Yield the flags without which a run over a track would not be gone on with, or not as it was begun."""
    for name, value in options.items() if isinstance(options, Mapping) else ():
        if name in _TRACK_FLAGS and value is not None:
            yield f"--{name.replace('_', '-')}={value}"
    if isinstance(options, Mapping) and options.get("no_sandbox"):
        yield "--no-sandbox"


def _root(run: Run) -> Path | None:
    """Return the repository of a run, or its folder, when that is on this machine."""
    folder = Path(run.folder)
    if not run.folder or not folder.is_dir():
        return None
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
