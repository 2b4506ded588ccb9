"""One decision of a person: a run that suspends with a form, and records the answer where the command line does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from prefect import State, flow

from flows.wiring.artifacts import report_on
from flows.wiring.forms import answer_to, ask_again
from flows.wiring.named import source_of
from flows.wiring.parameters import KnownBatchId, Repo, TicketId
from flows.wiring.place import looked_at
from flows.wiring.policy import refusing
from flows.wiring.states import decided_before, decision_state, superseded
from nightwork.batch import open_batch
from nightwork.decision import Decision
from nightwork.errors import DecidedElsewhere
from nightwork.review.form import asked_again
from nightwork.stages.subject import Answer, Subject, form_of, subject_of


@flow(name="decision")
@refusing
def decision(repo: Repo, batch_id: KnownBatchId, ticket: TicketId) -> State[Any]:
    """Ask a person about a merge request or an escalation; press Resume to see the form and to decide."""
    with looked_at(repo) as place:
        subject = subject_of(open_batch(place, batch_id), ticket)
        if subject is None:
            return superseded()
        if subject.taken is not None:
            return decided_before(subject.taken)
        text = form_of(subject, is_local=source_of(repo).is_folder())
    report_on("decision", ticket, text)
    said = answer_to(subject, text)  # the process ends here until somebody has answered
    if said is None:
        return superseded()
    taken = _record(repo, subject, said)
    if taken is None:
        return superseded()
    if isinstance(taken, str):
        ask_again(subject, asked_again(taken, text))
    return decision_state(taken, subject.then(taken)) if said.is_in(taken) else decided_before(taken)


def _record(repo: str, subject: Subject, said: Answer) -> Decision | str | None:
    """Record an answer; returns the decision that holds, here or on the remote, or why this one is not taken.

    None when something else is asked by now, of which the answer says nothing.
    """
    with contextlib.suppress(DecidedElsewhere), looked_at(repo) as place:
        subject = subject.seen_from(Path(place))
        if not subject.is_asked():
            return None
        taken = subject.take(said)
        if isinstance(taken, str):
            return taken
    return subject.holds()
