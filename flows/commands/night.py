"""The commands that run a batch, whole or stage by stage."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from flows.commands import (
    ALL_DONE,
    HERE,
    BatchId,
    Json,
    NoSandbox,
    Repo,
    Verbose,
    check_new_batch,
    document_of,
    finish,
    note,
    run_options,
    run_overnight,
    waiting_batch,
)
from flows.commands.background import Background, begin_overnight, is_to_begin


def run(
    *,
    repo: Repo = HERE,
    agent: Annotated[
        str | None, Parameter(help="a model (claude-..., scripted:FILE), claude-code, codex or aider")
    ] = None,
    base: Annotated[str | None, Parameter(help="branch, tag or commit from which the branches start")] = None,
    tickets: Annotated[str | None, Parameter(help="folder of Markdown tickets")] = None,
    batch_id: Annotated[str | None, Parameter(help="id of the new batch; by default <date>-overnight")] = None,
    parallel: Annotated[int | None, Parameter(help="agents at work at the same time")] = None,
    max_tickets: Annotated[int | None, Parameter(help="tickets that the batch takes at most")] = None,
    budget_usd: Annotated[float | None, Parameter(help="what the batch may cost; never overshot")] = None,
    budget_per_ticket_usd: Annotated[float | None, Parameter(help="what one ticket may cost")] = None,
    deadline: Annotated[str | None, Parameter(help="no ticket is started after it: 2026-01-31T06:00+01:00")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="say what would be done, and change nothing")] = False,
    strict: Annotated[bool, Parameter(negative="", help="refuse the batch when any ticket is unready")] = False,
    no_sandbox: NoSandbox = False,
    background: Background = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run a batch from its tickets to the review queue."""
    options = run_options(
        agent=agent,
        base=base,
        tickets=tickets,
        parallel_agents=parallel,
        max_tickets=max_tickets,
        budget_usd=budget_usd,
        budget_per_ticket_usd=budget_per_ticket_usd,
        deadline=deadline,
        strict=strict,
        no_sandbox=no_sandbox,
    )
    batch = check_new_batch(repo, batch_id, options, only_show=dry_run, json=json)
    if dry_run:
        return ALL_DONE
    if is_to_begin(background):
        return begin_overnight(batch, options, [] if batch_id else ["--batch-id", batch.id])
    document, state = run_overnight(batch.repository, batch.id, options, verbose)
    return finish(document, state, json)


def resume(
    batch: Annotated[str | None, Parameter(help="the batch; by default the newest")] = None,
    *,
    repo: Repo = HERE,
    retry_failed: Annotated[bool, Parameter(negative="", help="failed tickets again, as a new attempt")] = False,
    parallel: Annotated[int | None, Parameter(help="agents at work at the same time")] = None,
    budget_usd: Annotated[float | None, Parameter(help="the whole batch's, what is spent included")] = None,
    budget_per_ticket_usd: Annotated[float | None, Parameter(help="each ticket's, what is spent included")] = None,
    deadline: Annotated[str | None, Parameter(help="no ticket is started after it")] = None,
    no_sandbox: NoSandbox = False,
    background: Background = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Go on with a batch: what was aborted, what was answered, what the gates have not judged."""
    from nightwork.batch import open_batch
    from nightwork.stages.generation import has_work

    found = open_batch(str(repo), batch)
    if not has_work(found, retry_failed):
        note(f"nothing to resume in {found.id}, which is {document_of(found).status}")
        return ALL_DONE
    options = run_options(
        retry_failed=retry_failed,
        parallel_agents=parallel,
        budget_usd=budget_usd,
        budget_per_ticket_usd=budget_per_ticket_usd,
        deadline=deadline,
        no_sandbox=no_sandbox,
    )
    if is_to_begin(background):
        return begin_overnight(found, options, [] if batch else [found.id])
    document, state = run_overnight(found.repository, found.id, options, verbose)
    return finish(document, state, json)


def intake(
    *,
    repo: Repo = HERE,
    base: str | None = None,
    tickets: str | None = None,
    batch_id: Annotated[str | None, Parameter(help="id of the new batch")] = None,
    strict: Annotated[bool, Parameter(negative="")] = False,
    no_sandbox: NoSandbox = False,
    verbose: Verbose = False,
) -> int:
    """Stage 1: take the ready tickets into a new batch."""
    from flows import console

    options = run_options(base=base, tickets=tickets, strict=strict, no_sandbox=no_sandbox)
    batch = check_new_batch(repo, batch_id, options)
    with console.session(verbose):
        from flows.intake import intake as flow

        flow(str(batch.repository), batch.id, options)
    note(f"batch {batch.id}: {batch.folder / 'manifest.yaml'}")
    return ALL_DONE


def generate(
    *,
    repo: Repo = HERE,
    batch_id: BatchId = None,
    no_sandbox: NoSandbox = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Stage 2: let the agents work on the tickets of a batch."""
    from flows import console

    batch = waiting_batch(repo, batch_id, "pending", "running", "aborted")
    if batch is None:
        return ALL_DONE
    with console.session(verbose):
        from flows.generation import generation as flow

        flow(str(batch.repository), batch.id, run_options(no_sandbox=no_sandbox))
    return finish(document_of(batch), None, json)


def gates(*, repo: Repo = HERE, batch_id: BatchId = None, json: Json = False, verbose: Verbose = False) -> int:
    """Stage 3: judge every change of a batch that has no verdict yet."""
    from flows import console

    batch = waiting_batch(repo, batch_id, "running", "aborted")
    if batch is None:
        return ALL_DONE
    with console.session(verbose):
        from flows.gates import gates as flow

        flow(str(batch.repository), batch.id)
    return finish(document_of(batch), None, json)
