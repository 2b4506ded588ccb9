"""Reports in the Prefect UI: the keys under which they are kept, and the bar that shows how far a batch is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact


def key_for(kind: str, ticket: str) -> str:
    """Return an artifact key: lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{kind}-{ticket}".lower()).strip("-")


def progress_bar(description: str) -> Callable[[float], None]:
    """Show a bar at 0 percent; the function that comes back moves it."""
    artifact = cast(UUID, create_progress_artifact(0.0, key="progress", description=description))
    return lambda percent: cast(None, update_progress_artifact(artifact, percent))
