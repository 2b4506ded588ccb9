"""The commands of the person who reviews: the queue, decisions and answers."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

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
    note,
    show,
    waiting_batch,
)


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
    if taken.kind != decision:
        note(f"{ticket} was decided already: {taken.kind} by {taken.by} at {taken.at:%Y-%m-%d %H:%M} UTC; that holds")
        return NOT_ALL_DONE
    note(f"{ticket}: {taken.kind}")
    if taken.kind is Kind.APPROVE:
        print(f"git -C {shlex.quote(str(batch.repository))} merge --no-ff agent/{ticket}")
        note(f"nothing was merged; once it is, set `state: done` in the ticket {ticket}")
    if taken.kind is Kind.REQUEST_CHANGES:
        note("the next batch takes it up as a second commit on the branch")
    return ALL_DONE


def answer(ticket: str, option: str, *, message: Message = "", repo: Repo = HERE, batch_id: BatchId = None) -> int:
    """Answer an escalation; `nightwork resume` then goes on with the ticket."""
    from nightwork.stages import review as stage

    batch = batch_of(repo, batch_id, ticket)
    taken = stage.answer(batch, ticket, option, message)
    if (taken.option, taken.message) != (option, message):
        note(f"{ticket} was answered already: {taken.text()} at {taken.at:%Y-%m-%d %H:%M} UTC; that holds")
        return NOT_ALL_DONE
    note(f"{ticket}: {taken.option}; `nightwork resume {batch.id}` goes on with it")
    return ALL_DONE


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
