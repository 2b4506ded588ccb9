"""Module specs: a project's modules, dependencies first, each a task; what is current is not even begun."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report, waits_shown
from flows.wiring.named import folder_of, take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import Project, SpecOptions
from flows.wiring.policy import kept, refusing, uncached
from flows.wiring.states import specs_state
from flows.wiring.told import progress
from nightwork.module_spec.batch import open_batch, run_modules
from nightwork.module_spec.job import Ref
from nightwork.module_spec.summary import summary_text
from nightwork.spec_settings import SpecsOptions


@flow(name="module-specs", flow_run_name=run_name)
@refusing
def module_specs(repo: Project = ".", options: SpecOptions = SpecsOptions()) -> State[Any]:
    """Write the specs that are missing, failed or degraded; stale ones too with `update`."""
    take_credentials(options.credentials)
    what = "module specs"
    with open_batch(folder_of(repo), options) as batch, progress(what, batch.state.items) as move, waits_shown(what):
        ask = kept("{ref.name} spec", Ref.task_key)(batch.run.ask)
        write = uncached("{ref.name} spec", name="write")(batch.run.write)
        result = run_modules(batch, lambda ref: ask.submit(ref), lambda _: move(batch.state.items), write)
        move(batch.state.items)
    report("module-specs", batch.run.project.name, summary_text(result))
    return specs_state(result)
