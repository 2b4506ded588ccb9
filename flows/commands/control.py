"""The commands that keep a Prefect server and its workers on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.commands import ALL_DONE, Json, note

Port = Annotated[
    int | None, Parameter(help="where the server listens; 4200 at first", validator=Number(gte=1, lte=65535))
]


def up(
    *,
    repo: Annotated[
        str | None, Parameter(help="what the deployments work on: a folder, a URL or repository/NAME")
    ] = None,
    schedule: Annotated[
        Literal["weekly", "daily", "continuous", "off"] | None, Parameter(help="when the stages start by themselves")
    ] = None,
    time_zone: Annotated[str | None, Parameter(help="of the schedules, such as Europe/Berlin; the machine's")] = None,
    notify: Annotated[str | None, Parameter(help="notification block of Prefect, such as slack-webhook/team")] = None,
    port: Port = None,
    workers: Annotated[
        int | None,
        Parameter(help="workers on this machine; 1. 0 only tells the server", validator=Number(gte=0, lte=64)),
    ] = None,
    json: Json = False,
) -> int:
    """Start what is missing of a Prefect server, its workers and nightwork's deployments, and say where the UI is."""
    from flows import console
    from nightwork.control import open_room

    room = open_room()
    variables = dict(os.environ)  # with the keys, which the workers' runs need
    console.prepare(verbose=False)
    from flows.control.terminal import as_json, changes, render
    from flows.control.up import Wishes, bring_up

    wishes = Wishes(_meant(repo), _here(), schedule, time_zone, notify, port, workers)
    standing = bring_up(room, wishes, variables, os.environ, note)
    if json:
        print(as_json(standing))
        return ALL_DONE
    for line in changes(standing) or ["everything runs already; nothing was changed"]:
        note(line)
    console.results().print(render(standing))
    return ALL_DONE


def down(*, json: Json = False) -> int:
    """End the workers, whose runs stop so that they can be resumed, then the Prefect server."""
    import json as jsonlib

    from flows import console
    from nightwork.control import open_room

    room = open_room()
    if not room.workers() and room.server.pid() is None:
        ended: list[str] = []
    else:
        console.prepare(verbose=False)
        from flows.control.down import take_down

        ended = take_down(room, note)
    if json:
        print(jsonlib.dumps({"ended": ended}))
    else:
        note(f"ended: {', '.join(ended)}" if ended else "nothing runs")
    return ALL_DONE


def _meant(repo: str | None) -> str | None:
    """Return what a worker, which works in another folder, can make of a repository's name.

    Raises BadInput for a folder in no git repository, and for an address with a token, which the UI would show.
    """
    if repo is None or repo.startswith("repository/"):
        return repo
    from nightwork.errors import bad_input
    from nightwork.travel import Source
    from nightwork.workspace import Repository

    source = Source(repo)
    if source.is_folder():
        return str(Repository.open(Path(repo).expanduser()).root)
    if source.access().secret:
        told = (
            "holds a token, which everybody who sees the UI would read; store it in a block and name `repository/NAME`"
        )
        raise bad_input("--repo", told)
    return repo


def _here() -> str:
    """Return the repository in which the command was started, for deployments that are new; `.` in none."""
    from nightwork.errors import NightworkError
    from nightwork.workspace import Repository

    try:
        return str(Repository.open(Path()).root)
    except NightworkError:
        return "."
