"""The commands about module specs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from flows.commands import ALL_DONE, HERE, NOT_ALL_DONE, Json, Repo, note

if TYPE_CHECKING:
    from nightwork.module_spec.drift import Drift


def drift(
    *,
    repo: Repo = HERE,
    check: Annotated[bool, Parameter(negative="", help="exit 1 when there is drift: for CI and hooks")] = False,
    level: Annotated[
        Literal["low", "medium", "high"], Parameter(help="how severe drift must be for --check to fail")
    ] = "low",
    log: Annotated[bool | None, Parameter(help="write a log to drift-logs/; by default when there is drift")] = None,
    json: Json = False,
) -> int:
    """Show what changed since the module specs were written: no model, no git, nothing but the specs and the source."""
    from nightwork.module_spec import drift as library

    root = library.project_root(repo)
    found = library.find(root, root / "specs")
    _show(found, json)
    if found.units if log is None else log:
        note(f"as a log: {library.write_log(found, root, datetime.now(UTC)).relative_to(root)}")
    return NOT_ALL_DONE if check and found.reaches(library.Severity(level)) else ALL_DONE


def _show(found: Drift, json: bool) -> None:
    from nightwork.module_spec.drift.log import as_json, summary

    if json:
        print(as_json(found))
    elif found.units:
        from flows import console
        from nightwork.module_spec.drift.terminal import render

        console.results().print(render(found))
    note(summary(found))
