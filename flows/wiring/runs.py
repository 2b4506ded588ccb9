"""What a flow run knows of itself: to which batch it is bound, and whether a person waits for it."""

from __future__ import annotations

from typing import Any

from prefect import State, get_client
from prefect.context import FlowRunContext
from prefect.runtime import deployment
from prefect.states import Completed

from flows.wiring.naming import name_with

# On the flow run itself, so that a Retry in the UI and a recovery after a crash know it, whichever worker takes them.
BATCH_LABEL = "nightwork.batch"
_LONGEST_WAIT_S = 24 * 3600.0


def is_deployed() -> bool:
    """Say whether this is a run of a deployment: nobody sits before it."""
    return deployment.id is not None


def patience_s() -> float:
    """Return for how long to wait for another run of the repository: schedules overlap, a person wants to know now."""
    return _LONGEST_WAIT_S if is_deployed() else 0.0


def bound_batch(batch_id: str | None) -> str | None:
    """Return the batch that was asked for, else the one on which an earlier start of this flow run has worked."""
    run = _flow_run()
    if batch_id or run is None:
        return batch_id or None
    known = run.labels.get(BATCH_LABEL)
    return str(known) if known else None


def bind(batch_id: str) -> None:
    """Let every later start of this flow run work on the same batch, and name the run so.

    Raises httpx.HTTPError when the server cannot be reached: a Retry would then begin another batch.
    """
    run = _flow_run()
    if run is None or run.parameters.get("batch_id"):
        return
    with get_client(sync_client=True) as client:
        if run.labels.get(BATCH_LABEL) != batch_id:
            client.update_flow_run_labels(run.id, {BATCH_LABEL: batch_id})
        wanted = name_with(batch_id)
        if run.name != wanted:
            client.update_flow_run(run.id, name=wanted)
            run.name = wanted


def nothing_to_do(why: str, name: str = "NothingToDo") -> State[Any]:
    """Return the state of a run that found nothing to do, as schedules do."""
    return Completed(name=name, message=why)


def _flow_run() -> Any:
    context = FlowRunContext.get()
    return context.flow_run if context else None
