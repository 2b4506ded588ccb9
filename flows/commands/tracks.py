"""The commands that work through a range of a track: a course, a book, numbered documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.commands import ABORTED, ALL_DONE, HERE, NOT_ALL_DONE, Json, Verbose, note, options_of, result_of
from flows.commands.background import Background, begin, is_to_begin

if TYPE_CHECKING:
    from nightwork.track.range import Range
    from nightwork.track.result import TrackResult

Track = Annotated[str, Parameter(help="the folder of a track, or its name in the settings (tracks.folders)")]
Start = Annotated[int, Parameter(help="number of the first module, counted from 1")]
End = Annotated[int, Parameter(help="number of the last module, which is worked on too")]
Root = Annotated[Path, Parameter(help="a folder of the repository whose settings name the track")]
Model = Annotated[str | None, Parameter(help="who writes: claude-..., or scripted:FILE")]
Reviewer = Annotated[str | None, Parameter(help="who reviews; by default the model that writes")]
Parallel = Annotated[int | None, Parameter(help="modules at the same time")]
Retries = Annotated[int | None, Parameter(help="tries of a module after one that failed")]
Budget = Annotated[float | None, Parameter(help="what the run may cost; never overshot")]
Deadline = Annotated[str | None, Parameter(help="no module is begun after it: 2026-01-31T06:00+01:00")]
NoSandbox = Annotated[bool, Parameter(negative="", help="run the audit with your rights")]
DryRun = Annotated[bool, Parameter(negative="", help="say which modules would be worked on; change nothing")]


@dataclass(frozen=True)
class How:
    """How a command is to run and to tell what came of it."""

    dry_run: bool
    background: bool
    json: bool
    verbose: bool


def fix_review(
    track: Track,
    start: Start,
    end: End,
    *,
    repo: Root = HERE,
    model: Model = None,
    reviewer: Reviewer = None,
    parallel: Parallel = None,
    retries: Retries = None,
    budget_usd: Budget = None,
    deadline: Deadline = None,
    no_sandbox: NoSandbox = False,
    dry_run: DryRun = False,
    background: Background = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Audit and review the documents of a range, and mend each until it passes; no version that is worse stays."""
    given = {
        "model": model,
        "reviewer": reviewer,
        "parallel": parallel,
        "retries": retries,
        "budget_usd": budget_usd,
        "deadline": deadline,
        "no_sandbox": no_sandbox,
    }
    return _run("fix-review", (track, start, end, repo), given, How(dry_run, background, json, verbose))


def research(
    track: Track,
    start: Start,
    end: End,
    *,
    repo: Root = HERE,
    model: Model = None,
    parallel: Parallel = None,
    retries: Retries = None,
    budget_usd: Budget = None,
    deadline: Deadline = None,
    dry_run: DryRun = False,
    background: Background = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Write the research file of each module of a range that has none, and check those that are there."""
    given = {
        "model": model,
        "parallel": parallel,
        "retries": retries,
        "budget_usd": budget_usd,
        "deadline": deadline,
    }
    return _run("research", (track, start, end, repo), given, How(dry_run, background, json, verbose))


def orchestrate(
    track: Track,
    start: Start,
    end: End,
    *,
    repo: Root = HERE,
    model: Model = None,
    reviewer: Reviewer = None,
    retries: Retries = None,
    budget_usd: Budget = None,
    deadline: Deadline = None,
    no_sandbox: NoSandbox = False,
    dry_run: DryRun = False,
    background: Background = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Write the modules of a range anew, one after the other, by the phases of the track; then judge and mend them."""
    given = {
        "model": model,
        "reviewer": reviewer,
        "retries": retries,
        "budget_usd": budget_usd,
        "deadline": deadline,
        "no_sandbox": no_sandbox,
    }
    return _run("orchestrate", (track, start, end, repo), given, How(dry_run, background, json, verbose))


def _run(operation: str, about: tuple[str, int, int, Path], given: dict[str, Any], how: How) -> int:
    """Check everything, then run the flow; what has nothing to do answers before Prefect is imported."""
    from nightwork.track.batch import done_before
    from nightwork.track.range import Operation, check
    from nightwork.track_settings import TrackOptions

    track, start, end, repo = about
    options = options_of(TrackOptions, given)
    chosen = check(Operation(operation), track, start, end, options, repo)
    if how.dry_run:
        return _show_plan(chosen, how.json)
    done = done_before(chosen)
    if done is not None:
        note(f"nothing to do: modules {start} to {end} are done, and their files as they were left")
        note(f"to start over, delete {chosen.checkpoint}")
        return _finish(done, how.json)
    parameters = {"track": str(chosen.track.folder), "start": start, "end": end}
    if is_to_begin(how.background):
        changed = options.model_dump(mode="json", exclude_defaults=True)
        about_it = [chosen.track.name, start, end]
        return begin(operation, about_it, chosen.track.root, {**parameters, "options": changed})
    from flows import console

    with console.session(how.verbose):
        from nightwork.track.result import TrackResult

        state = _flow(operation)(**parameters, options=options, return_state=True)
        result = result_of(state, TrackResult)
    return _finish(result, how.json)


def _show_plan(chosen: Range, json: bool) -> int:
    """Say of each module whether it would be worked on."""
    import json as jsonlib

    from nightwork.outcome import Status
    from nightwork.track.batch import standing_of

    begins = standing_of(chosen)
    wanted = [name for name, outcome in begins.items() if outcome.status is Status.PENDING]
    if json:
        print(jsonlib.dumps({"modules": {name: outcome.label() for name, outcome in begins.items()}}, indent=1))
        return ALL_DONE
    for name in wanted:
        print(f"{name}{f', attempt {begins[name].attempt}' if begins[name].attempt > 1 else ''}")
    left = len(begins) - len(wanted)
    note(
        f"{len(wanted)} of {len(begins)} modules would be worked on; {left} are done, and their files as they were left"
    )
    return ALL_DONE


def _flow(operation: str) -> Any:
    """Return the flow of an operation."""
    import importlib

    name = operation.replace("-", "_")
    return getattr(importlib.import_module(f"flows.{name}"), name)


def _finish(result: TrackResult, json: bool) -> int:
    """Show what a run came to; returns the exit code."""
    if json:
        print(result.model_dump_json(indent=1))
    else:
        from flows import console

        console.results().print(result.render())
    if result.is_aborted():
        return ABORTED
    return ALL_DONE if result.is_complete() else NOT_ALL_DONE
