"""The commands of the person who reviews: the queue, decisions and answers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.commands import (
    ALL_DONE,
    HERE,
    NOT_ALL_DONE,
    BatchId,
    Json,
    Message,
    Repo,
    batch_of,
    document_of,
    end_questions,
    note,
    show,
    waiting_batch,
)

if TYPE_CHECKING:
    from nightwork.batch import Batch
    from nightwork.decision import Decision


def review(*, repo: Repo = HERE, batch_id: BatchId = None, json: Json = False) -> int:
    """Stage 4: show the ranked queue of a batch, and write it as a page."""
    batch = waiting_batch(repo, batch_id)
    if batch is not None:
        show(document_of(batch), json)
        note(f"as a page: {batch.folder / 'review.html'}")
    return ALL_DONE


def decide(
    ticket: str,
    decision: Literal["approve", "request-changes", "reject"],
    *,
    message: Message = "",
    repo: Repo = HERE,
    batch_id: BatchId = None,
) -> int:
    """Decide on a merge request; approve prints the merge command and merges nothing."""
    from nightwork.decision import Kind
    from nightwork.stages import review as stage

    batch = batch_of(repo, batch_id, ticket)
    taken = stage.decide(batch, ticket, Kind(decision), message)
    _tell_decision(batch, taken, decision)
    end_questions(batch)
    return ALL_DONE if taken.kind == decision else NOT_ALL_DONE


def _tell_decision(batch: Batch, taken: Decision, wanted: str) -> None:
    from nightwork.decision import COMMAND_LINE, Kind

    ticket = taken.ticket
    if taken.kind != wanted or taken.by != COMMAND_LINE:
        note(f"{ticket} was decided already: {taken.told()}; that holds")
    if taken.kind != wanted:
        return
    note(f"{ticket}: {taken.kind}")
    if taken.kind is Kind.APPROVE:
        print(f"git -C {shlex.quote(str(batch.repository))} merge --no-ff agent/{ticket}")
        note(f"nothing was merged; once it is, set `state: done` in the ticket {ticket}")
    if taken.kind is Kind.REQUEST_CHANGES:
        note("the next batch takes it up as a second commit on the branch")


def answer(ticket: str, option: str, *, message: Message = "", repo: Repo = HERE, batch_id: BatchId = None) -> int:
    """Answer an escalation; `nightwork resume` then goes on with the ticket."""
    from nightwork.decision import COMMAND_LINE
    from nightwork.stages import review as stage
    from nightwork.stages.subject import Answer

    batch = batch_of(repo, batch_id, ticket)
    taken = stage.answer(batch, ticket, option, message)
    wanted = Answer(option, message, COMMAND_LINE)
    if wanted.is_in(taken):
        note(f"{ticket}: {taken.option}; `nightwork resume {batch.id}` goes on with it")
    else:
        note(f"{ticket} was answered already: {taken.told()}; that holds: {taken.text()}")
    end_questions(batch)
    return ALL_DONE if wanted.is_alike(taken) else NOT_ALL_DONE


def trends(
    *,
    repo: Repo = HERE,
    last: Annotated[int, Parameter(help="how many batches, the newest", validator=Number(gte=1))] = 20,
    json: Json = False,
) -> int:
    """Show what the batches came to, one after the other, and write it as a page with charts."""
    from flows import console
    from nightwork.stages import review as stage
    from nightwork.trends.terminal import render
    from nightwork.workspace import Repository

    root = Repository.open(repo).root
    found = stage.trends(root, last)
    if json:
        print(found.model_dump_json(indent=1))
    elif found.batches:
        console.results().print(render(found))
        note(f"as a page: {root / '.nightwork' / 'trends.html'}")
    else:
        note("no batch is there; `nightwork run` starts one")
    return ALL_DONE
