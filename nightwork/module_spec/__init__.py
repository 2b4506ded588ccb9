"""Module specs: a whole code base documented module by module, dependencies first (batch-module-contract.md).

The contract's functions are found here, whatever file they live in; importing this package alone imports none of them.
"""

from __future__ import annotations

from typing import Any

_PLACES = {
    "BatchResult": "nightwork.module_spec.result",
    "FailedModule": "nightwork.module_spec.result",
    "clear_checkpoint": "nightwork.checkpoint",
    "create_reporter": "nightwork.progress",
    "load_checkpoint": "nightwork.checkpoint",
    "run_batch": "nightwork.module_spec.batch",
    "save_checkpoint": "nightwork.checkpoint",
    "write_summary_log": "nightwork.module_spec.summary",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: who parses files in a process of its own needs none of it."""
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
