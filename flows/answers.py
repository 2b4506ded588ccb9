"""Answered escalations, at midday: the tickets that wait for nothing else go on, are judged, and join the queue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import State, flow

from flows.gates import gates
from flows.generation import generation
from flows.review import review
from flows.wiring.named import resolved, take_credentials
from flows.wiring.naming import run_name
from flows.wiring.parameters import Options, Repo
from flows.wiring.place import working_copy
from flows.wiring.policy import refusing
from flows.wiring.runs import nothing_to_do
from flows.wiring.states import batch_state
from nightwork.outcome import Outcome
from nightwork.settings import RunOptions
from nightwork.stages.earlier import answered, with_answers


@flow(name="answers", flow_run_name=run_name)
@refusing
def answers(repo: Repo = ".", options: Options = RunOptions()) -> State[Any]:
    """Go on with the tickets whose escalation was answered, and with what waited for them alone."""
    take_credentials(options.credentials)
    options = resolved(options, repo).model_copy(update={"answered_only": True})
    outcomes, stages = dict[str, Outcome](), list[State[Any]]()
    with working_copy(repo, "answers") as place:
        for batch in with_answers(Path(place)):
            names = answered(batch)
            stages.append(generation(repo, batch.id, options, return_state=True))
            stages.append(gates(repo, batch.id, return_state=True))
            stages.append(review(repo, batch.id, return_state=True))
            outcomes |= {f"{batch.id} {name}": batch.state().items[name] for name in names}
    return batch_state(outcomes, stages) if stages else nothing_to_do("no escalation was answered since")
