"""What a run is called: `<operation>-<what it is about>-<local time of its start>`, safe in a shell and as a file.

The form is that of the batch operations guide: `fix-review-b1-1-92-20260201120000`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_STAMP = re.compile(r"-\d{14}")
STAMP = 15  # characters of the time at the end, with the dash before it
_LONGEST_PART = 64
LONGEST = 200


def run_id(operation: str, about: Iterable[object], at: datetime) -> str:
    """Return the id of a run that starts at `at`, an aware time; parts that hold nothing are left out."""
    parts = (_safe(str(part)) for part in about)
    return "-".join([operation, *filter(None, parts), f"{at.astimezone():%Y%m%d%H%M%S}"])


def is_run_id(name: str, operation: str) -> bool:
    """Say whether a name is the id of a run of an operation."""
    is_safe = len(name) <= LONGEST and not _UNSAFE.search(name)
    return (
        is_safe and name.startswith(operation) and _STAMP.fullmatch(name.removeprefix(operation)[-STAMP:]) is not None
    )


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text)[:_LONGEST_PART].strip("-.")
