"""Stage 1, evening: collect tickets, validate, prioritise and sequence them, write the manifest."""

from __future__ import annotations

from prefect import flow

from flows.artifacts import report
from flows.named import take_credentials
from flows.policy import run_name, uncached
from nightwork.batch import start_batch
from nightwork.lock import hold
from nightwork.settings import RunOptions
from nightwork.stages import intake as stage

collect = uncached("collect and validate tickets")(stage.collect)
write_manifest = uncached("write the manifest")(stage.write_manifest)
measure_base = uncached("gates on the base")(stage.measure_base)


@flow(name="intake", flow_run_name=run_name)
def intake(repo: str = ".", batch_id: str | None = None, options: RunOptions = RunOptions()) -> str:
    """Take the tickets marked ready-for-agent into a new batch; returns its id."""
    take_credentials(options.credentials)
    batch, settings = start_batch(repo, batch_id, options)
    with hold(batch.repository, f"intake of {batch.id}"):
        selection = collect(str(batch.repository), settings)
        selection.refuse_if(options.strict)
        write_manifest(str(batch.repository), batch.id, settings, selection)
        measure_base(str(batch.repository), batch.id)
    report("manifest", batch.id, stage.manifest_table(batch))
    return batch.id
