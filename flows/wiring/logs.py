"""What the log of a flow run shows: the course of the batch, and errors as what they say, not where they arose."""

from __future__ import annotations

import logging

from prefect.exceptions import CancelledRun, FailedRun
from prefect.settings import get_current_settings

from nightwork.errors import NightworkError
from nightwork.outcome import Unfinished
from nightwork.shown import Unended

_OURS = "nightwork"
# States that our flows return, or that a person gave; the engine has logged each before it raises it as an error.
_TOLD = (CancelledRun, FailedRun, Unfinished, Unended)


def speak() -> None:
    """Let the log of flow runs show what nightwork tells, if Prefect listens to it (PREFECT_LOGGING_EXTRA_LOGGERS).

    Changes the logging of this process; to do so again changes nothing.
    """
    ours = logging.getLogger(_OURS)
    if ours.level == logging.NOTSET and _OURS in (get_current_settings().logging.extra_loggers or ()):
        ours.setLevel(logging.INFO)
    logging.getLogger("prefect.flow_runs").addFilter(_without_traceback)
    for kept in (_without_traceback, _is_worth_reading):
        logging.getLogger("prefect.task_runs").addFilter(kept)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Leave out what the state has told, and the traceback of what a person can mend."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _TOLD):
        return False
    if isinstance(error, NightworkError):
        record.msg, record.args, record.exc_info, record.exc_text = str(error), (), None, None
    return True


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """Leave out that some task, which the log does not name, has ended well: most lines of a batch would be that.

    How one has failed is told twice; once will do.
    """
    text = record.getMessage()
    has_ended_well = record.levelno <= logging.INFO and text.startswith("Finished in state")
    return not has_ended_well and not text.startswith("Task run failed with state")
