"""Stage 1, evening: collect tickets, validate, prioritise and sequence them, write the manifest."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report
from flows.wiring.named import resolved, take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import BatchId, Options, Repo
from flows.wiring.place import working_copy
from flows.wiring.policy import refusing, uncached
from flows.wiring.runs import bind, bound_batch, is_deployed, nothing_to_do
from nightwork.batch import start_batch
from nightwork.settings import RunOptions
from nightwork.stages import intake as stage

collect = uncached("collect and validate tickets")(stage.collect)
write_manifest = uncached("write the manifest")(stage.write_manifest)
measure_base = uncached("gates on the base")(stage.measure_base)


@flow(name="intake", flow_run_name=run_name)
@refusing
def intake(repo: Repo = ".", batch_id: BatchId = "", options: Options = RunOptions()) -> str | State[Any]:
    """Take the tickets marked ready-for-agent into a new batch; returns its id."""
    take_credentials(options.credentials)
    options = resolved(options, repo)
    with working_copy(repo, "intake") as place:
        batch, settings = start_batch(place, bound_batch(batch_id), options)
        bind(batch.id)
        if not batch.exists():
            selection = collect(place, settings)
            if selection.is_empty() and is_deployed() and not options.strict:
                report("manifest", batch.id, selection.markdown())
                return nothing_to_do(f"no ticket is ready; {selection.told()}", "NothingReady")
            selection.refuse_if(options.strict)
            write_manifest(place, batch.id, settings, selection)
        measure_base(place, batch.id)
        report("manifest", batch.id, stage.manifest_table(batch))
    return batch.id
