"""How flows end, and how tasks are cached: by a key of the library's making, or not at all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import State, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.states import Failed
from prefect.utilities.annotations import quote

from flows.wiring.cancelling import heeding_cancellation, unless_cancelled
from flows.wiring.logs import speak
from flows.wiring.told import as_outermost
from nightwork.errors import BadInput, Infrastructure, NightworkError, StateError, Stopped
from nightwork.markdown import one_line
from nightwork.redact import redact

P = ParamSpec("P")
R = TypeVar("R")
_LONGEST = 4000


def refusing(body: Callable[P, R]) -> Callable[P, R | State[Any]]:
    """Let a flow end by what went wrong in plain words where it would raise an error of nightwork's own.

    The outermost one is a run that commands list, show and stop. What is at work stops when the flow run is cancelled.
    What a person has to mend is `Refused`. Who calls the flow gets the error raised all the same.
    """

    @wraps(body)
    def told(*args: P.args, **kwargs: P.kwargs) -> R | State[Any]:
        speak()
        result: R | State[Any]
        try:
            with as_outermost(), heeding_cancellation():
                result = body(*args, **kwargs)
        except BadInput as error:
            result = Failed(name="Refused", message=_plain(error), data=error)
        except (StateError, Infrastructure, Stopped) as error:
            result = Failed(message=_plain(error), data=error)
        return unless_cancelled(result)

    # Prefect looks for the names in annotations where the function that it is given stands, which is here.
    told.__signature__ = inspect.signature(body, eval_str=True)  # type: ignore[attr-defined]
    return told


def _plain(error: NightworkError) -> str:
    return "\n".join(one_line(line) for line in redact(str(error)).splitlines())[:_LONGEST]


def uncached(run_name: str, name: str | None = None) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that runs each time it is called: a resume asks the checkpoint, not a cache, what is done."""
    return task(name=name, task_run_name=run_name, cache_policy=NO_CACHE, persist_result=False)


def kept(
    run_name: str, key: Callable[..., str], *names: str, also: tuple[str, ...] = ()
) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task whose result is kept under `key(ref, *names, *parameters named in also)`."""

    def of(_: TaskRunContext, parameters: dict[str, Any]) -> str:
        return key(parameters["ref"], *names, *(parameters[name] for name in also))

    return task(task_run_name=run_name, cache_key_fn=of, persist_result=True)


def by_name(step: Callable[..., R]) -> Callable[..., R]:
    """Make a task of (ref, name, ...) draw no edge from whatever earlier result holds the same name.

    Prefect tells by identity what is passed on, and equal short strings are often the same.
    """

    def call(ref: object, name: str, *others: object) -> R:
        return step(ref, quote(name), *others)

    return call
