"""How steps are cached: by a key of the library's making, for as long as their checkpoint lives, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.context import TaskRunContext

# An item's own task must run again on every resume; the checkpoint knows what is done.
NEVER: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


def keyed_by(key: Callable[..., str], *names: str, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the options of a task whose result is kept under `key(ref, *names, *parameters named in also)`."""

    def of(_: TaskRunContext, parameters: dict[str, Any]) -> str:
        return key(parameters["ref"], *names, *(parameters[name] for name in also))

    return {"cache_key_fn": of, "persist_result": True}
