"""Stage 4, morning: the ranked queue of merge requests, and the decisions that wait for a person."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report
from flows.wiring.asking import ask_people
from flows.wiring.events import tell_ready
from flows.wiring.named import take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import BatchId, Repo
from flows.wiring.place import looked_at
from flows.wiring.policy import refusing, uncached
from flows.wiring.runs import bind, bound_batch, nothing_to_do
from nightwork.batch import find_batch
from nightwork.review import ReviewDocument
from nightwork.review.markdown import artifact
from nightwork.stages import review as stage

rank = uncached("rank the queue")(stage.review)


@flow(name="review", flow_run_name=run_name)
@refusing
def review(repo: Repo = ".", batch_id: BatchId = "") -> ReviewDocument | State[Any]:
    """Write the review queue of a batch, by default the newest, and return it."""
    take_credentials()
    with looked_at(repo) as place:
        batch = find_batch(place, bound_batch(batch_id))
        if batch is None:
            return nothing_to_do("there is no batch to review")
        bind(batch.id)
        document = rank(place, batch.id)
        report("review", batch.id, artifact(document))
        tell_ready(batch, document)
        ask_people(repo, batch)
    return document
