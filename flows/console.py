"""What the command line prepares before Prefect is imported, and how progress looks on a terminal.

Standard output is for results alone; everything told on the way goes to standard error.
"""

from __future__ import annotations

import contextlib
import json as jsonlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich import filesize
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flows.live import LiveTable
from flows.wiring.outages import OUTLASTING
from nightwork import stop
from nightwork.control.detached import VARIABLE, own_run
from nightwork.errors import Infrastructure
from nightwork.markdown import printable
from nightwork.redact import RedactingFilter

if TYPE_CHECKING:
    from nightwork.doctor import Check
    from nightwork.stages.clean import Removal

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "nightwork",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # Of each event that a server which is away does not take, it would write a page.
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
    "DO_NOT_TRACK": "1",
}
# Of a run on another machine nothing else tells whether it lives. Each flow ends up to a second later for it.
_SIGNS_OF_LIFE = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}


def results() -> Console:
    """Return the console for what a command was asked for: at most 120 columns, 100 where there is no terminal."""
    width = min(Console().width, 120) if sys.stdout.isatty() else 100
    return Console(file=sys.stdout, highlight=False, width=width)


def notes() -> Console:
    """Return the console for what is told on the way."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def session(verbose: bool, is_apart: bool = False) -> Iterator[None]:
    """Surround one flow: Prefect made quiet, progress shown, and a stop that keeps everything.

    One that `is_apart` leaves the server of `nightwork up` alone.

    Raises Infrastructure when the server is lost for longer than is waited for it.
    """
    prepare(verbose)
    import httpx
    from prefect.exceptions import ObjectNotFound

    from flows.wiring.naming import called
    from flows.wiring.told import alone

    background = own_run()
    os.environ.pop(VARIABLE, None)
    _use_server(is_apart)
    try:
        with (
            _progress(),
            stop.on_signals(_tell_stop),
            called(background.name if background else ""),
            alone(background.log if background else None),
        ):
            yield
    except (httpx.HTTPError, ObjectNotFound) as error:  # or one that was started anew with an empty database
        told = f"{type(error).__name__}: {error}; all that was done is kept, see to the server and resume"
        raise Infrastructure("the Prefect server", told) from error


def _use_server(is_apart: bool) -> None:
    """See to a server for a run: the one that is set, that of `nightwork up`, or a temporary one.

    Raises Infrastructure when the one that is set does not answer.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    from flows.control.known import use_server

    if not is_apart and (room := use_server()):
        notes().print(f"using the server of `nightwork up`: {room.removesuffix('/api')}")
    if url := get_current_settings().api.url:
        is_here = urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
        for name, value in (OUTLASTING if is_here else {**OUTLASTING, **_SIGNS_OF_LIFE}).items():
            os.environ.setdefault(name, value)
        refresh_global_settings_context()
        _refuse_a_server_that_is_away()
    else:
        notes().print("no Prefect server is set: a temporary one starts, which takes up to 20 s")
        from flows.control.temporary import start_server

        start_server()


def _refuse_a_server_that_is_away() -> None:
    """Raise Infrastructure when the server does not answer now: only one that is lost later is waited for."""
    from prefect import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, get_current_settings, temporary_settings

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        url = get_current_settings().api.url
        told = f"{url} does not answer: {type(problem).__name__}: {problem}; start it, or unset PREFECT_API_URL"
        raise Infrastructure("the Prefect server", told) from problem


def prepare(verbose: bool) -> None:
    """Set up logging and Prefect's environment; must run before Prefect is imported.

    Prefect logs to its own API as ever; on the terminal only nightwork speaks, unless `verbose`.
    """
    from nightwork.llm import credentials

    credentials.take_from_environment()  # a temporary server inherits the environment
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    handler = Notes()
    handler.setFormatter(logging.Formatter("%(message)s" if not verbose else "%(levelname)-7s %(name)s: %(message)s"))
    handler.addFilter(RedactingFilter())
    if not verbose:
        handler.addFilter(_is_ours)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("nightwork").setLevel(logging.INFO)
    logging.captureWarnings(True)


class Notes(logging.Handler):
    """Writes to what standard error is by then: while the live table is drawn, that is the place above it.

    Prefect replaces the root logger's handlers unless one is a user's, which it tells by a name without `_` before it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        sys.stderr.write(printable(self.format(record)) + "\n")
        sys.stderr.flush()


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "nightwork"


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """Show a live table on a terminal, and the contract's lines everywhere else, while a batch runs."""
    if not sys.stderr.isatty():
        yield
        return
    table = LiveTable(notes().height - 4)
    loggers = [logging.getLogger(name) for name in ("nightwork.progress", "nightwork.llm")]
    quiet = [handler for handler in logging.getLogger().handlers if isinstance(handler, Notes)]
    for handler in quiet:
        handler.addFilter(_is_no_progress)
    for logger in loggers:
        logger.addHandler(table)
    try:
        with Live(console=notes(), get_renderable=table.drawn, refresh_per_second=4):
            yield
    finally:
        for logger in loggers:
            logger.removeHandler(table)
        for handler in quiet:
            handler.removeFilter(_is_no_progress)


def _is_no_progress(record: logging.LogRecord) -> bool:
    return record.name != "nightwork.progress"


def _tell_stop(_: str) -> None:
    notes().print("stopping: what runs is ended and kept; again to end at once")


def show_checks(checks: Sequence[Check]) -> None:
    """Print what the doctor found, with what to do about it."""
    marks = {"fine": ("✓", "green"), "note": ("⚠", "yellow"), "wrong": ("✗", "red")}
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        mark, style = marks[check.status]
        text = Text(printable(check.found))
        if check.remedy:
            text.append(f"\n→ {check.remedy}", style="dim")
        table.add_row(Text(mark, style=style), Text(check.name), text)
    results().print(table)


def server_check() -> Check:
    """Say which Prefect server a run would use, and whether it answers."""
    from prefect.settings import get_current_settings

    from flows.control.known import answers, use_server
    from nightwork.doctor import Check

    room = use_server()
    url = get_current_settings().api.url
    if not url:
        remedy = "`nightwork up` starts one that stays, which saves the wait and keeps the history"
        return Check("server", "note", "none is set; each run starts a temporary one, about 20 s", remedy)
    if not answers(url):
        return Check("server", "wrong", f"{url} does not answer", "start it, or unset PREFECT_API_URL")
    return Check("server", "fine", f"{url}, of `nightwork up`" if room else url)


def show_removals(removals: Sequence[Removal], dry_run: bool, json: bool) -> None:
    """Print what was removed, or would be, with its size."""
    if json:
        rows = [{"kind": each.kind, "name": each.name, "why": each.why, "bytes": each.size} for each in removals]
        print(jsonlib.dumps({"removed": not dry_run, "removals": rows}, indent=1))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for each in removals:
        size = filesize.decimal(each.size) if each.size else ""
        table.add_row(each.kind, Text(printable(each.name)), Text(each.why, style="dim"), Text(size, justify="right"))
    if removals:
        results().print(table)
    told = "would be removed" if dry_run else "removed"
    total = filesize.decimal(sum(each.size for each in removals))
    notes().print(f"{len(removals)} {told}, {total}" if removals else "nothing to remove")
