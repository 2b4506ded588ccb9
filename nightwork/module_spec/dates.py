"""Today's date, or the one that a reproducible build tells."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def today() -> str:
    """Return the date in UTC; SOURCE_DATE_EPOCH, where it is set, tells it (reproducible-builds.org)."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    at = datetime.fromtimestamp(int(told), UTC) if told.isdecimal() else datetime.now(UTC)
    return at.date().isoformat()
