"""What the commands share: their parameters, their exit codes, and how they find, run and show a batch.

Nothing here imports Prefect, networkx, git or anthropic before a command needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

if TYPE_CHECKING:
    from prefect import State
    from pydantic import BaseModel

    from nightwork.batch import Batch
    from nightwork.review import ReviewDocument
    from nightwork.settings import RunOptions

M = TypeVar("M", bound="BaseModel")
T = TypeVar("T")
ALL_DONE, NOT_ALL_DONE, BAD_INPUT, ABORTED = 0, 1, 2, 3

Repo = Annotated[Path, Parameter(help="the git repository, or a folder in it")]
BatchId = Annotated[str | None, Parameter(help="the batch; by default the newest that waits for this")]
Json = Annotated[bool, Parameter(negative="", help="print one JSON document on standard output")]
Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], negative="", help="show Prefect's own log too")]
NoSandbox = Annotated[bool, Parameter(negative="", help="run agents and gates with your rights; reports say so")]
Message = Annotated[str, Parameter(name=["--message", "-m"], help="what to tell the agent or the next reader")]
HERE = Path()
_QUICK_S = 2.0


def run_options(**given: object) -> RunOptions:
    """Return the options of a run of tickets that a command was given; raises BadInput that names the flags."""
    from nightwork.settings import RunOptions

    return options_of(RunOptions, given, parallel_agents="parallel")


def options_of(form: type[M], given: Mapping[str, object], **flags: str) -> M:
    """Return what a command was given as options of a run; raises BadInput that names the flags.

    A flag has the name of its option, with dashes, unless `flags` has another.
    """
    from nightwork import yamlfile

    names = {name: name.replace("_", "-") for name in given} | flags
    origins: dict[tuple[int | str, ...], str] = {(name,): f"--{flag}" for name, flag in names.items()}
    return yamlfile.validate(form, yamlfile.YamlFile("options", dict(given), {}, origins))


def result_of(state: State[Any], form: type[T]) -> T:
    """Return what a flow came to, whether or not that is all; raises the error with which it ended otherwise."""
    from nightwork.shown import Unended

    try:
        result = state.result()
    except Unended as error:
        result = error.result
    assert isinstance(result, form)
    return result


def check_new_batch(
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
        note(selection.text(batch.id))
        note("settings that differ from the defaults:\n" + settings.printable())
    return batch


def waiting_batch(repo: Path, batch_id: str | None, *statuses: str) -> Batch | None:
    """Return the batch that a stage is about, by default the newest in one of the statuses; says so when none is."""
    from nightwork.batch import newest, open_batch
    from nightwork.manifest import BatchStatus
    from nightwork.workspace import Repository

    if batch_id is not None:
        return open_batch(str(repo), batch_id)
    batch = newest(Repository.open(repo).root, *(BatchStatus(status) for status in statuses))
    if batch is None:
        note(f"no batch is {' or '.join(statuses) or 'there'}; `nightwork run` starts one")
    return batch


def batch_of(repo: Path, batch_id: str | None, ticket: str) -> Batch:
    """Return the batch that holds a ticket, by default the newest."""
    from nightwork.batch import open_batch
    from nightwork.stages import review as stage
    from nightwork.workspace import Repository

    return open_batch(str(repo), batch_id) if batch_id else stage.batch_of(Repository.open(repo).root, ticket)


def run_overnight(
    repository: Path, batch_id: str | None, options: RunOptions, verbose: bool, is_apart: bool = False
) -> tuple[ReviewDocument, str]:
    """Run the overnight flow; returns the review document and the name of the state in which the flow ended."""
    from flows import console
    from nightwork.batch import start_batch

    batch, _ = start_batch(str(repository), batch_id, options)
    with console.session(verbose, is_apart):
        from flows.overnight import overnight

        state = overnight(str(batch.repository), batch.id, options, return_state=True)
    if state.name not in {"Completed", "Incomplete", "Aborted", "Cancelled"}:
        state.result(raise_on_failure=True)
    if state.name in {"Aborted", "Cancelled"}:
        note(f"aborted: {state.message}")
        return document_of(batch), "Aborted"
    return document_of(batch), str(state.name)


def document_of(batch: Batch) -> ReviewDocument:
    """Return the review document of a batch, made anew."""
    from nightwork.stages import review as stage

    return stage.review(str(batch.repository), batch.id)


def show(document: ReviewDocument, json: bool) -> None:
    """Print a review document: as JSON, or as people read it."""
    from flows import console
    from nightwork.review.terminal import render

    if json:
        print(document.model_dump_json(indent=1))
        return
    out = console.results()
    out.print(render(document, out.width))


def finish(document: ReviewDocument, state: str | None, json: bool) -> int:
    """Show what a batch came to; returns the exit code."""
    from nightwork.manifest import BatchStatus
    from nightwork.outcome import Status

    show(document, json)
    if state == "Aborted" or document.status is BatchStatus.ABORTED:
        return ABORTED
    return ALL_DONE if document.counts[Status.COMPLETED] == document.total else NOT_ALL_DONE


def end_questions(batch: Batch) -> None:
    """End the runs on a server that still ask for what is decided; without a server Prefect is not even imported."""
    import os

    from nightwork.control.room import server_url

    url = os.environ.get("PREFECT_API_URL") or server_url()
    if not url:
        return
    import httpx

    try:
        httpx.get(f"{url}/health", timeout=_QUICK_S).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        note(f"{url} does not answer ({type(error).__name__}): what it still asks ends with the next review")
        return
    from flows import console

    os.environ["PREFECT_API_URL"] = url
    console.prepare(verbose=False)
    from flows.wiring.asking import close_decided

    close_decided(batch)


def note(text: str) -> None:
    """Tell something on standard error."""
    from flows import console
    from nightwork.markdown import printable

    console.notes().print(printable(text), markup=False)
