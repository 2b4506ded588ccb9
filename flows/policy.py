"""How runs are named, and how tasks are cached: by a key of the library's making, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext
from prefect.runtime import flow_run
from prefect.utilities.annotations import quote

P = ParamSpec("P")
R = TypeVar("R")


def run_name() -> str:
    """Return the name of the flow run that begins: the flow's, and the batch's when it has been named."""
    return " ".join(filter(None, [flow_run.flow_name, flow_run.parameters.get("batch_id")]))


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
