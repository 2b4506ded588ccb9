"""Reports in the Prefect UI: the keys under which they are kept."""

from __future__ import annotations

import re


def key_for(kind: str, ticket: str) -> str:
    """Return an artifact key: lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{kind}-{ticket}".lower()).strip("-")
