"""Adds up how long calls of one function take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

Label = Callable[..., str]


@contextlib.contextmanager
def timed(owner: Any, name: str, label: Label, seconds: dict[str, float]) -> Iterator[None]:
    """While open, add up the seconds of calls of `owner.name`, under what `label` says of their arguments."""
    plain = getattr(owner, name)

    def timing(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return plain(*arguments, **options)
        finally:
            seconds[label(*arguments)] += time.perf_counter() - started

    setattr(owner, name, timing)
    try:
        yield
    finally:
        setattr(owner, name, plain)
