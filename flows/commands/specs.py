"""The commands that document a code base, and that tell where its documents have drifted from it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from flows.commands import ABORTED, ALL_DONE, HERE, NOT_ALL_DONE, Json, Verbose, note, options_of, result_of
from flows.commands.background import Background, begin, is_to_begin

if TYPE_CHECKING:
    from nightwork.module_spec.drift import Drift
    from nightwork.module_spec.result import BatchResult
    from nightwork.spec_settings import SpecsOptions

Root = Annotated[Path, Parameter(help="the root of the project, a git repository or a plain folder")]


def specs(
    *,
    repo: Root = HERE,
    update: Annotated[bool, Parameter(negative="", help="write stale specs anew too")] = False,
    force: Annotated[bool, Parameter(negative="", help="write all specs anew, edited ones included")] = False,
    model: Annotated[str | None, Parameter(help="who writes: claude-..., scripted:FILE, or none")] = None,
    max_retries: Annotated[int | None, Parameter(help="tries after the first before a spec is degraded")] = None,
    parallel: Annotated[int | None, Parameter(help="modules that a model writes about at the same time")] = None,
    budget_usd: Annotated[float | None, Parameter(help="what the run may cost; never overshot")] = None,
    message_batches: Annotated[bool | None, Parameter(help="send Message Batches, at half the price")] = None,
    deadline: Annotated[str | None, Parameter(help="no module is begun after it: 2026-01-31T06:00+01:00")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="say what would be written and cost; change nothing")] = False,
    background: Background = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Write the module specs of a project that are missing, failed or degraded, dependencies first."""
    options = _options(
        update=update,
        force=force,
        model=model,
        max_retries=max_retries,
        parallel=parallel,
        budget_usd=budget_usd,
        message_batches=message_batches,
        deadline=deadline,
    )
    _refuse_parts(repo)
    if dry_run:
        return _show_plan(repo, options, json)
    unchanged = _unchanged(repo, options)
    if unchanged is not None:
        return _finish(unchanged, json)
    _check_model(repo, options)
    if is_to_begin(background):
        root = repo.resolve()
        given = options.model_dump(mode="json", exclude_defaults=True)
        return begin("module-specs", [root.name], root, {"repo": str(root), "options": given})
    from flows import console

    with console.session(verbose):
        from flows.module_specs import module_specs
        from nightwork.module_spec.result import BatchResult

        result = result_of(module_specs(str(repo), options, return_state=True), BatchResult)
    return _finish(result, json)


def drift(
    *,
    repo: Root = HERE,
    check: Annotated[bool, Parameter(negative="", help="exit 1 when there is drift: for CI and hooks")] = False,
    level: Annotated[
        Literal["low", "medium", "high"], Parameter(help="how severe drift must be for --check to fail")
    ] = "low",
    log: Annotated[bool | None, Parameter(help="write a log to drift-logs/; by default when there is drift")] = None,
    json: Json = False,
) -> int:
    """Show what changed since the module specs were written: no model, no git, nothing but the specs and the source."""
    from nightwork.module_spec import drift as library
    from nightwork.module_spec.document.written import checked_root
    from nightwork.settings import load

    root = checked_root(repo)
    found = library.find(root, load(root).specs)
    _show_drift(found, json)
    if found.units if log is None else log:
        note(f"as a log: {library.write_log(found, root, datetime.now(UTC)).relative_to(root)}")
    return NOT_ALL_DONE if check and found.reaches(library.Severity(level)) else ALL_DONE


def _options(**given: object) -> SpecsOptions:
    """Return the options that the command was given; raises BadInput that names the flags."""
    from nightwork.spec_settings import SpecsOptions

    return options_of(SpecsOptions, given)


def _unchanged(root: Path, options: SpecsOptions) -> BatchResult | None:
    """Return the result of a run that has nothing to do, before Prefect is imported; None when there is something."""
    from nightwork.module_spec.current import modules_when_current
    from nightwork.module_spec.document.written import CHECKPOINT, checked_root
    from nightwork.module_spec.result import BatchResult
    from nightwork.settings import load

    root = checked_root(root)
    settings = load(root, options.flags()).specs
    if options.force or (root / CHECKPOINT).exists():
        return None
    names = modules_when_current(root, settings)
    if names is None:
        return None
    return BatchResult(total_modules=len(names), skipped=tuple(names), model=settings.model)


def _refuse_parts(root: Path) -> None:
    """Raise BadInput for a folder of a project whose specs stand above: it would have specs of its own."""
    from nightwork.errors import bad_input
    from nightwork.module_spec.document.paths import INDEX
    from nightwork.module_spec.source.units import SPECS

    if (root / SPECS).exists():
        return
    for above in root.resolve().parents:
        if (above / SPECS / INDEX).exists():
            told = f"is a part of {str(above)!r}, which has specs; use --repo for that, or make a folder specs/ here"
            raise bad_input(str(root.resolve()), told)


def _check_model(root: Path, options: SpecsOptions) -> None:
    """Raise BadInput for a model that cannot be asked, before a server is started for it."""
    from nightwork.module_spec.purse import model_of
    from nightwork.settings import load
    from nightwork.spec_settings import NO_MODEL

    settings = load(root, options.flags())
    if settings.specs.model != NO_MODEL:
        model_of(root, settings)


def _show_plan(root: Path, options: SpecsOptions, json: bool) -> int:
    from flows import console
    from nightwork.module_spec.plan import plan

    found = plan(root, options)
    if json:
        print(found.model_dump_json(indent=1))
    else:
        console.results().print(found.render())
    return ALL_DONE


def _finish(result: BatchResult, json: bool) -> int:
    """Show what a run came to; returns the exit code."""
    if json:
        print(result.model_dump_json(indent=1))
    else:
        from flows import console
        from nightwork.module_spec.terminal import render

        console.results().print(render(result))
    if result.aborted:
        return ABORTED
    return NOT_ALL_DONE if result.failed else ALL_DONE


def _show_drift(found: Drift, json: bool) -> None:
    from nightwork.module_spec.drift.log import as_json, summary

    if json:
        print(as_json(found))
    elif found.units:
        from flows import console
        from nightwork.module_spec.drift.terminal import render

        console.results().print(render(found))
    note(summary(found))
    if found.units:
        note("`nightwork specs --update` makes the specs true again")
