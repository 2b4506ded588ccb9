"""The command line of nightwork. Exit codes: 0 all done, 1 some items did not complete, 2 wrong use or bad input,
3 aborted and resumable.

Nothing here imports Prefect, networkx, git or anthropic before a command needs it.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import App, Parameter

from nightwork import __version__

if TYPE_CHECKING:
    from nightwork.batch import Batch
    from nightwork.review import ReviewDocument
    from nightwork.settings import RunOptions

ALL_DONE, NOT_ALL_DONE, BAD_INPUT, ABORTED = 0, 1, 2, 3

app = App(
    name="nightwork",
    version=__version__,
    help="Runs batches of agent work overnight: tickets in the evening, gated draft merge requests in the morning.",
    help_format="plaintext",
)

Repo = Annotated[Path, Parameter(help="the git repository, or a folder in it")]
BatchId = Annotated[str | None, Parameter(help="the batch; by default the newest that waits for this")]
Json = Annotated[bool, Parameter(negative="", help="print one JSON document on standard output")]
Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], negative="", help="show Prefect's own log too")]
Message = Annotated[str, Parameter(name=["--message", "-m"], help="what to tell the agent or the next reader")]
_HERE = Path()


@app.command
def demo(
    *,
    into: Annotated[Path | None, Parameter(help="an empty or new folder; by default a temporary one")] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run the whole pipeline on the bundled example: no key, no server needed."""
    from nightwork import example

    shop = example.unpack("shop", into)
    _note(f"example repository: {shop}")
    document, _ = _overnight(shop, None, _options(), verbose)
    differences = example.differences("shop", shop, document)
    _show(document, json)
    for difference in differences:
        _note(f"not as scripted: {difference}")
    _note(f"Go on in {shop}, for example: cd {shop} && nightwork decide SHOP-1 approve")
    return NOT_ALL_DONE if differences else ALL_DONE


@app.command
def init(*, repo: Repo = _HERE) -> int:
    """Write a commented nightwork.yaml from what the repository holds, and a ticket template."""
    from nightwork import scaffold
    from nightwork.workspace import Repository

    for path in scaffold.write(Repository.open(repo).root):
        _note(f"wrote {path}")
    _note("next: write a ticket from the template, then `nightwork doctor`")
    return ALL_DONE


@app.command
def doctor(*, repo: Repo = _HERE, json: Json = False) -> int:
    """Check git, settings, tickets, agent, gates on the base and the Prefect server; spends nothing."""
    from flows import console
    from nightwork import doctor as checks

    found = [*checks.examine(repo), console.server_check()]
    if json:
        print(checks.as_json(found))
    else:
        console.show_checks(found)
    return NOT_ALL_DONE if any(check.status == "wrong" for check in found) else ALL_DONE


@app.command
def run(
    *,
    repo: Repo = _HERE,
    base: Annotated[str | None, Parameter(help="branch, tag or commit from which the branches start")] = None,
    tickets: Annotated[str | None, Parameter(help="folder of Markdown tickets")] = None,
    batch_id: Annotated[str | None, Parameter(help="id of the new batch; by default <date>-overnight")] = None,
    parallel: Annotated[int | None, Parameter(help="agents at work at the same time")] = None,
    max_tickets: Annotated[int | None, Parameter(help="tickets that the batch takes at most")] = None,
    budget_usd: Annotated[float | None, Parameter(help="no ticket is started once this is spent")] = None,
    deadline: Annotated[str | None, Parameter(help="no ticket is started after it: 2026-01-31T06:00+01:00")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="say what would be done, and change nothing")] = False,
    strict: Annotated[bool, Parameter(negative="", help="refuse the batch when any ticket is unready")] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run a batch from its tickets to the review queue."""
    options = _options(
        base=base,
        tickets=tickets,
        parallel_agents=parallel,
        max_tickets=max_tickets,
        budget_usd=budget_usd,
        deadline=deadline,
        strict=strict,
    )
    batch = _check_new_batch(repo, batch_id, options, only_show=dry_run, json=json)
    if dry_run:
        return ALL_DONE
    document, state = _overnight(batch.repository, batch.id, options, verbose)
    return _finish(document, state, json)


@app.command
def resume(
    batch: Annotated[str | None, Parameter(help="the batch; by default the newest")] = None,
    *,
    repo: Repo = _HERE,
    retry_failed: Annotated[bool, Parameter(negative="", help="failed tickets again, as a new attempt")] = False,
    parallel: Annotated[int | None, Parameter(help="agents at work at the same time")] = None,
    budget_usd: Annotated[float | None, Parameter(help="the whole batch's, what is spent included")] = None,
    deadline: Annotated[str | None, Parameter(help="no ticket is started after it")] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Go on with a batch: what was aborted, what was answered, what the gates have not judged."""
    from nightwork.batch import open_batch
    from nightwork.stages.generation import has_work

    found = open_batch(str(repo), batch)
    if not has_work(found, retry_failed):
        _note(f"nothing to resume in {found.id}, which is {_document(found).status}")
        return ALL_DONE
    options = _options(retry_failed=retry_failed, parallel_agents=parallel, budget_usd=budget_usd, deadline=deadline)
    document, state = _overnight(found.repository, found.id, options, verbose)
    return _finish(document, state, json)


@app.command
def intake(
    *,
    repo: Repo = _HERE,
    base: str | None = None,
    tickets: str | None = None,
    batch_id: Annotated[str | None, Parameter(help="id of the new batch")] = None,
    strict: Annotated[bool, Parameter(negative="")] = False,
    verbose: Verbose = False,
) -> int:
    """Stage 1: take the ready tickets into a new batch."""
    from flows import console

    options = _options(base=base, tickets=tickets, strict=strict)
    batch = _check_new_batch(repo, batch_id, options)
    with console.session(verbose):
        from flows.intake import intake as flow

        flow(str(batch.repository), batch.id, options)
    _note(f"batch {batch.id}: {batch.folder / 'manifest.yaml'}")
    return ALL_DONE


@app.command
def generate(*, repo: Repo = _HERE, batch_id: BatchId = None, json: Json = False, verbose: Verbose = False) -> int:
    """Stage 2: let the agents work on the tickets of a batch."""
    from flows import console

    batch = _waiting_batch(repo, batch_id, "pending", "running", "aborted")
    if batch is None:
        return ALL_DONE
    with console.session(verbose):
        from flows.generation import generation as flow

        flow(str(batch.repository), batch.id, _options())
    return _finish(_document(batch), None, json)


@app.command
def gates(*, repo: Repo = _HERE, batch_id: BatchId = None, json: Json = False, verbose: Verbose = False) -> int:
    """Stage 3: judge every change of a batch that has no verdict yet."""
    from flows import console

    batch = _waiting_batch(repo, batch_id, "running", "aborted")
    if batch is None:
        return ALL_DONE
    with console.session(verbose):
        from flows.gates import gates as flow

        flow(str(batch.repository), batch.id)
    return _finish(_document(batch), None, json)


@app.command
def review(*, repo: Repo = _HERE, batch_id: BatchId = None, json: Json = False) -> int:
    """Stage 4: show the ranked queue of a batch, and write it as a page."""
    batch = _waiting_batch(repo, batch_id)
    if batch is not None:
        _show(_document(batch), json)
        _note(f"as a page: {batch.folder / 'review.html'}")
    return ALL_DONE


@app.command
def decide(
    ticket: str,
    decision: Literal["approve", "request-changes", "reject"],
    *,
    message: Message = "",
    repo: Repo = _HERE,
    batch_id: BatchId = None,
) -> int:
    """Decide on a merge request; approve prints the merge command and merges nothing."""
    from nightwork.decision import Kind
    from nightwork.stages import review as stage

    batch = _batch_of(repo, batch_id, ticket)
    taken = stage.decide(batch, ticket, Kind(decision), message)
    if taken.kind != decision:
        _note(f"{ticket} was decided already: {taken.kind} by {taken.by} at {taken.at:%Y-%m-%d %H:%M} UTC; that holds")
        return NOT_ALL_DONE
    _note(f"{ticket}: {taken.kind}")
    if taken.kind is Kind.APPROVE:
        print(f"git -C {shlex.quote(str(batch.repository))} merge --no-ff agent/{ticket}")
        _note(f"nothing was merged; once it is, set `state: done` in the ticket {ticket}")
    if taken.kind is Kind.REQUEST_CHANGES:
        _note("the next batch takes it up as a second commit on the branch")
    return ALL_DONE


@app.command
def answer(ticket: str, option: str, *, message: Message = "", repo: Repo = _HERE, batch_id: BatchId = None) -> int:
    """Answer an escalation; `nightwork resume` then goes on with the ticket."""
    from nightwork.stages import review as stage

    batch = _batch_of(repo, batch_id, ticket)
    taken = stage.answer(batch, ticket, option, message)
    if (taken.option, taken.message) != (option, message):
        _note(f"{ticket} was answered already: {taken.text()} at {taken.at:%Y-%m-%d %H:%M} UTC; that holds")
        return NOT_ALL_DONE
    _note(f"{ticket}: {taken.option}; `nightwork resume {batch.id}` goes on with it")
    return ALL_DONE


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command; returns its exit code, with one clear message for everything that a person can mend."""
    from nightwork.errors import BadInput, NightworkError

    try:
        code = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
        return code if isinstance(code, int) else ALL_DONE
    except cyclopts.CycloptsError:
        return BAD_INPUT
    except BadInput as error:
        for fault in error.faults:
            _note(f"error: {fault}")
        return BAD_INPUT
    except NightworkError as error:
        _note(f"error: {error}")
        return ABORTED
    except OSError as error:
        _note(f"error: {error}; nothing finished is lost, `nightwork resume` goes on")
        return ABORTED
    except KeyboardInterrupt:
        _note("stopped; `nightwork resume` goes on")
        return ABORTED


def _options(**given: object) -> RunOptions:
    from nightwork import settings, yamlfile

    flags = {name: name.replace("_", "-") for name in given} | {"parallel_agents": "parallel"}
    origins: dict[tuple[int | str, ...], str] = {(name,): f"--{flag}" for name, flag in flags.items()}
    return yamlfile.validate(settings.RunOptions, yamlfile.YamlFile("options", given, {}, origins))


def _check_new_batch(
    repo: Path, batch_id: str | None, options: RunOptions, only_show: bool = False, json: bool = False
) -> Batch:
    """Say what a new batch would hold, before Prefect is imported; raises BadInput when it cannot be."""
    from nightwork.batch import start_batch
    from nightwork.errors import bad_input
    from nightwork.stages import intake as stage
    from nightwork.workspace import Repository

    batch, settings = start_batch(str(repo), batch_id, options)
    if batch.exists():
        raise bad_input(f"batch {batch.id!r}", f"exists; `nightwork resume {batch.id}` goes on with it")
    Repository(batch.repository).resolve(settings.base)
    selection = stage.collect(str(batch.repository), settings)
    selection.refuse_if(options.strict)
    if json and only_show:
        print(selection.as_json(batch.id))
    else:
        _note(selection.text(batch.id))
        _note("settings that differ from the defaults:\n" + settings.printable())
    return batch


def _waiting_batch(repo: Path, batch_id: str | None, *statuses: str) -> Batch | None:
    from nightwork.batch import newest, open_batch
    from nightwork.manifest import BatchStatus
    from nightwork.workspace import Repository

    if batch_id is not None:
        return open_batch(str(repo), batch_id)
    batch = newest(Repository.open(repo).root, *(BatchStatus(status) for status in statuses))
    if batch is None:
        _note(f"no batch is {' or '.join(statuses) or 'there'}; `nightwork run` starts one")
    return batch


def _batch_of(repo: Path, batch_id: str | None, ticket: str) -> Batch:
    from nightwork.batch import open_batch
    from nightwork.stages.review import batch_of
    from nightwork.workspace import Repository

    return open_batch(str(repo), batch_id) if batch_id else batch_of(Repository.open(repo).root, ticket)


def _overnight(
    repository: Path, batch_id: str | None, options: RunOptions, verbose: bool
) -> tuple[ReviewDocument, str]:
    from flows import console
    from nightwork.batch import start_batch

    batch, _ = start_batch(str(repository), batch_id, options)
    with console.session(verbose):
        from flows.overnight import overnight

        state = overnight(str(batch.repository), batch.id, options, return_state=True)
    if state.name not in {"Completed", "Incomplete", "Aborted"}:
        state.result(raise_on_failure=True)
    if state.name == "Aborted":
        _note(f"aborted: {state.message}")
    return _document(batch), str(state.name)


def _document(batch: Batch) -> ReviewDocument:
    from nightwork.stages import review as stage

    return stage.review(str(batch.repository), batch.id)


def _show(document: ReviewDocument, json: bool) -> None:
    from flows import console
    from nightwork.review.terminal import render

    if json:
        print(document.model_dump_json(indent=1))
        return
    out = console.results()
    out.print(render(document, out.width))


def _finish(document: ReviewDocument, state: str | None, json: bool) -> int:
    from nightwork.manifest import BatchStatus
    from nightwork.outcome import Status

    _show(document, json)
    if state == "Aborted" or document.status is BatchStatus.ABORTED:
        return ABORTED
    return ALL_DONE if document.counts[Status.COMPLETED] == document.total else NOT_ALL_DONE


def _note(text: str) -> None:
    from flows import console

    console.notes().print(text, markup=False)


if __name__ == "__main__":
    main()
