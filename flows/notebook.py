"""Flows called from a notebook or a script: as quiet as on the command line, and their results come back.

A flow that is called directly works as well; then Prefect speaks, and a batch that did not complete is an exception.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, cast

from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogHandler, PrefectConsoleHandler
from prefect.settings import get_current_settings, temporary_settings
from rich.console import Console

from flows.console import QUIET, Notes
from flows.control.temporary import serves, start_server
from flows.live import LiveTable
from flows.wiring.outages import OUTLASTING
from nightwork import stop
from nightwork.llm import credentials
from nightwork.markdown import printable
from nightwork.redact import RedactingFilter
from nightwork.shown import WIDTH, Unended

P = ParamSpec("P")
logger = logging.getLogger("nightwork.notebook")
_ROWS, _NOTES = 15, 5
_SECONDS_BETWEEN_DRAWINGS = 1.0
_ENVIRONMENT = {"DO_NOT_TRACK"}  # not a setting of Prefect's


def run(flow: Flow[P, Any], *given: P.args, **named: P.kwargs) -> Any:
    """Run a flow and return its result, also when it did not complete: what is said above it tells how it ended.

    A temporary server is started when none is set. An interrupt ends the run and keeps everything; the same call with
    the batch's id goes on. Raises what the flow raised when it came to no result: BadInput for wrong use.
    """
    with _session():
        # The flows are sync; `Flow` is typed as either.
        state = cast(State[Any], flow(*given, **named, return_state=True))
        result = cast(Any, state.result(raise_on_failure=False, _sync=True))  # type: ignore[call-overload]
        if isinstance(result, Unended) or not isinstance(result, BaseException):
            logger.info("%s: %s", flow.name, _ended(state))
    if isinstance(result, Unended):
        return result.result
    if isinstance(result, BaseException):
        raise result
    return result


def _ended(state: State[Any]) -> str:
    return f"{state.name}: {state.message}" if state.message else str(state.name)


@contextlib.contextmanager
def _session() -> Iterator[None]:
    """Surround one flow: Prefect made quiet, a server, progress shown, and a stop that keeps everything."""
    credentials.take_from_environment()  # a temporary server inherits the environment
    defaults: dict[Any, Any] = {name: value for name, value in QUIET.items() if name not in _ENVIRONMENT}
    defaults["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"
    defaults |= OUTLASTING if get_current_settings().api.url else {}
    board = _board()
    with temporary_settings(set_defaults=defaults), _logging_to(board):
        if not get_current_settings().api.url and not serves():
            logger.info("no Prefect server is set: a temporary one starts, and serves until this process ends")
            start_server()
        try:
            with stop.on_signals(lambda _: logger.info("stopping: what runs is ended and kept")):
                yield
        finally:
            if isinstance(board, Board):
                board.leave_notes()


@contextlib.contextmanager
def _logging_to(handler: logging.Handler) -> Iterator[None]:
    """Let nightwork alone speak, through one handler; Prefect goes on to log to its server."""
    handler.addFilter(RedactingFilter())
    ours, root = logging.getLogger("nightwork"), logging.getLogger()
    silenced = [each for each in root.handlers if isinstance(each, PrefectConsoleHandler)]
    level, told, quiet = ours.level, [handler, APILogHandler()], logging.NullHandler()
    told = told[:1] if any(isinstance(each, APILogHandler) for each in ours.handlers) else told
    for console in silenced:
        root.removeHandler(console)
    root.addHandler(quiet)
    for each in told:
        ours.addHandler(each)
    ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(level)
        for each in told:
            ours.removeHandler(each)
        root.removeHandler(quiet)
        for console in silenced:
            root.addHandler(console)


def _board() -> logging.Handler:
    """Return what shows progress: one place in a cell of a notebook, lines on standard error everywhere else."""
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if hasattr(get_ipython(), "kernel"):
            shown = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
            return Board(lambda text: shown.update({"text/plain": text}, raw=True))
    return Notes()


class Board(LiveTable):
    """Draws the newest state of every item, and the last notes, as text in one place, once a second at most."""

    def __init__(self, draw: Callable[[str], object]) -> None:
        super().__init__(_ROWS)
        self._draw = draw
        self._notes: list[str] = []
        self._drawn_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Take up one event or one note."""
        super().emit(record)
        if record.name != "nightwork.progress":
            self._notes = [*self._notes, printable(self.format(record))][-_NOTES:]
        if time.monotonic() - self._drawn_at >= _SECONDS_BETWEEN_DRAWINGS:
            self._drawn_at = time.monotonic()
            self._draw("\n".join([self._text(), *self._notes]))

    def leave_notes(self) -> None:
        """Leave the notes standing, without the items: the result shows them."""
        self._draw("\n".join(self._notes))

    def _text(self) -> str:
        console = Console(width=WIDTH, color_system=None, force_jupyter=False, highlight=False)
        with console.capture() as text:
            console.print(self.drawn())
        return text.get().rstrip()
