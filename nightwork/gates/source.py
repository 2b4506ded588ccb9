"""The syntax tree of a Python source that an agent wrote."""

from __future__ import annotations

import ast
import threading
import warnings

MAX_SOURCE = 1_000_000

_WARNINGS = threading.Lock()


def parsed(source: bytes) -> ast.Module | None:
    """Return the tree; None for what does not parse, or is nested too deeply or too large to be parsed."""
    if len(source) > MAX_SOURCE:
        return None
    # The lock, because catch_warnings is not made for threads.
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
