"""Drift on a schedule: what changed since the module specs were written. The state of its run tells whether any did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report
from flows.wiring.named import folder_of
from flows.wiring.naming import run_name
from flows.wiring.parameters import Project
from flows.wiring.policy import refusing, uncached
from flows.wiring.states import drift_state
from nightwork.module_spec import drift as library
from nightwork.module_spec.document.written import checked_root
from nightwork.settings import load

find = uncached("find drift")(library.find)


@flow(name="drift", flow_run_name=run_name)
@refusing
def drift(repo: Project = ".") -> State[Any]:
    """Compare a project with its specs; ends Completed, or Drifted when they are no longer true."""
    root = checked_root(folder_of(repo))
    found = find(root, load(root).specs)
    now = datetime.now(UTC)
    report("drift", root.name, library.as_markdown(found, now))
    if found.units:
        library.write_log(found, root, now)
    return drift_state(found)
