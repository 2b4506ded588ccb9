"""Stage 4, morning: the ranked queue of merge requests, and the decisions that wait for a person."""

from __future__ import annotations

from prefect import flow

from flows.artifacts import report
from flows.events import tell_ready
from flows.named import take_credentials
from flows.policy import run_name, uncached
from nightwork.batch import open_batch
from nightwork.review.markdown import artifact
from nightwork.stages import review as stage

rank = uncached("rank the queue")(stage.review)


@flow(name="review", flow_run_name=run_name)
def review(repo: str = ".", batch_id: str | None = None) -> str:
    """Write the review queue of a batch, by default the newest; returns the path of its page."""
    take_credentials()
    batch = open_batch(repo, batch_id)
    document = rank(str(batch.repository), batch.id)
    report("review", batch.id, artifact(document))
    tell_ready(batch, document)
    return str(batch.folder / "review.html")
