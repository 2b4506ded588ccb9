"""The batch manager: which runs there are, what one of them is at, and how it is stopped."""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.commands import ALL_DONE, HERE, NOT_ALL_DONE, Json, Repo, note

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from flows.tracking.run import Run
    from nightwork.control import Detached

Id = Annotated[str, Parameter(help="the id of a run, a unique beginning of it, or a flow run's uuid")]
_LINES = 10


def list_runs(
    *,
    everything: Annotated[
        bool, Parameter(name="--all", negative="", help="all that ever ran; by default a week, 20 that are over")
    ] = False,
    repo: Annotated[Path | None, Parameter(help="only runs that work in this folder; by default all")] = None,
    json: Json = False,
) -> int:
    """Show the batches that run and those that ran last, newest first, with what is true of each."""
    from nightwork.control import noted_runs

    notes, folder, now = noted_runs(repo or HERE), repo.resolve() if repo else None, datetime.now(UTC)

    def found(client: SyncPrefectClient | None) -> list[Run]:
        from flows.tracking.finding import runs
        from flows.tracking.run import early

        return (
            [early(each) for each in reversed(notes)]
            if client is None
            else runs(client, notes, folder, is_all=everything)
        )

    shown = _asked(found)
    if json:
        print(jsonlib.dumps({"runs": [run.as_dict(now) for run in shown]}, indent=1))
    elif shown:
        from flows import console
        from flows.tracking.terminal import table

        out = console.results()
        out.print(table(shown, now, out.width))
    else:
        note("nothing runs, and nothing ran in the last week" if not everything else "nothing ever ran")
    return ALL_DONE


def show(run_id: Id, /, *, repo: Repo = HERE, json: Json = False) -> int:
    """Show one run in full: what it is at, where it keeps what, the end of its log, and what to do next."""
    from nightwork.control import noted_runs

    notes, now = noted_runs(repo), datetime.now(UTC)

    def found(client: SyncPrefectClient | None) -> tuple[Run, list[tuple[str, str]], list[str]]:
        from flows.tracking.logs import last_lines
        from flows.tracking.places import output_of, places

        run = _meant(client, run_id, notes)
        output = output_of(run, notes)
        return run, places(run, output), last_lines(client, run, output, _LINES)

    run, there, lines = _asked(found)
    from flows.tracking.places import next_step

    if json:
        more = {"places": dict(there), "log": lines, "next": next_step(run)}
        print(jsonlib.dumps(run.as_dict(now) | more, indent=1))
    else:
        from flows import console
        from flows.tracking.terminal import whole

        console.results().print(whole(run, now, there, lines, next_step(run)))
    return ALL_DONE


def logs(
    run_id: Id,
    /,
    *,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], negative="", help="go on until the run has ended")
    ] = False,
    repo: Repo = HERE,
) -> int:
    """Show what a run has said, from before Prefect was up when it runs in the background here."""
    from nightwork.control import noted_runs

    notes = noted_runs(repo)
    here = [each for each in notes if each.name.startswith(run_id)] if run_id else []
    try:
        if any(each.name == run_id for each in here):
            here = [each for each in here if each.name == run_id]
        if len(here) == 1:
            from nightwork.control.output import lines_of

            _print(lines_of(here[0].log, lambda: here[0].pid() is None, follow=follow))
            return ALL_DONE
        _asked(lambda client: _print(_said(client, run_id, notes, follow=follow)))
    except KeyboardInterrupt:
        if not follow:
            raise
    return ALL_DONE


def stop(run_id: Id, /, *, repo: Repo = HERE) -> int:
    """End a run with all that it started, so that it can be resumed; by force when it does not end."""
    from nightwork.control import noted_runs
    from nightwork.control.detached import WISH

    notes = noted_runs(repo)
    own = next((each for each in notes if each.name == run_id and each.pid() is not None), None)
    if own is not None:  # before a server is asked, which may have to be started first
        own.signal(WISH)

    def ended(client: SyncPrefectClient | None) -> tuple[Run, Run]:
        from flows.tracking.stopping import stop_process, stop_run

        run = _meant(client, run_id, notes, is_unwanted=True)
        if client is not None and run.flow_run_id is not None:
            return run, stop_run(client, run, is_asked=own is not None)
        process = next(each for each in notes if each.name == run.id)
        stop_process(process, is_asked=own is not None)
        return run, _meant(client, run_id, notes)

    before, after = _asked(ended)
    if before.is_over() and own is None:
        note(f"{_line(before.id)} has ended already: {_told(before)}")
        return ALL_DONE
    return _tell_end(after)


def _tell_end(run: Run) -> int:
    from flows.tracking.places import next_step
    from nightwork.markdown import printable

    if run.is_over():
        note(f"{_line(run.id)} is stopped: {_told(run)}\n{printable(next_step(run))}")
        return ALL_DONE
    where = _line(str(run.labels.get("host") or "its worker"))
    note(f"{_line(run.id)} was asked to stop and has not ended yet: {_told(run)}; see to {where}, or ask again later")
    return NOT_ALL_DONE


def _asked(ask: Callable[[SyncPrefectClient | None], Any]) -> Any:
    """Return what is found with a client of the server that knows; with None when nothing was kept by any."""
    from flows import console

    if not is_anything_kept(os.environ):  # Prefect takes seconds to import
        return ask(None)
    console.prepare(verbose=False)
    from flows.tracking.reaching import asked

    with asked(note) as client:
        return ask(client)


def is_anything_kept(environment: Mapping[str, str]) -> bool:
    """Say whether there may be a server to ask, or a database or a profile of Prefect that tells of one."""
    from nightwork.control.room import server_url

    if any(name.startswith("PREFECT_") and name != "PREFECT_HOME" for name in environment):
        return True
    home = Path(environment.get("PREFECT_HOME", "~/.prefect")).expanduser()
    return server_url() is not None or home.exists()


def _meant(client: SyncPrefectClient | None, text: str, notes: list[Detached], *, is_unwanted: bool = False) -> Run:
    from flows.tracking.finding import among, run_of

    if client is None:
        return among(text, notes)
    return run_of(client, text, notes, is_unwanted=is_unwanted)


def _said(client: SyncPrefectClient | None, text: str, notes: list[Detached], *, follow: bool) -> Iterable[str]:
    from flows.tracking.finding import again
    from flows.tracking.logs import of_server
    from flows.tracking.places import output_of
    from nightwork.control.output import lines_of

    run = _meant(client, text, notes)
    output = output_of(run, notes)
    if output is not None or client is None:
        return lines_of(output, lambda: client is None or again(client, run).is_over(), follow=follow) if output else ()
    return of_server(client, run, follow=follow)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _told(run: Run) -> str:
    return _line(f"{run.status}: {run.message}" if run.message else run.status)


def _line(text: str) -> str:
    from nightwork.markdown import one_line

    return one_line(text)
