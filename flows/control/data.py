"""The data of prefect.yaml and deployments/, which `prefect deploy --all` and `nightwork up` share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_PACKAGED = Path(__file__).parents[1] / "deployments"
_SOURCE = Path(__file__).parents[2]

POOL = "nightwork"


@cache
def deployments() -> tuple[dict[str, Any], ...]:
    """Return the deployments, as prefect.yaml has them."""
    return tuple(_read("prefect.yaml")["deployments"])


@cache
def presets() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the schedules by preset, then by deployment."""
    found: dict[str, dict[str, dict[str, Any]]] = _read("schedules.yaml")
    return found


@cache
def limits() -> dict[str, int]:
    """Return the global concurrency limits by name."""
    found: dict[str, int] = _read("limits.yaml")
    return found


@cache
def automations() -> tuple[dict[str, Any], ...]:
    """Return the automations, with `run` and `notify` for what only a server can name."""
    return tuple(_read("automations.yaml"))


def _read(name: str) -> Any:
    if _PACKAGED.is_dir():
        path = _PACKAGED / name
    else:
        path = _SOURCE / name if name == "prefect.yaml" else _SOURCE / "deployments" / name
    return yaml.safe_load(path.read_text(encoding="utf-8"))
