"""What comments say in any language: that something is left to do, or that the file was generated."""

from __future__ import annotations

import re

from nightwork.module_spec.source.skeleton import Marker

MOST_MARKERS = 100
_HEAD_BYTES = 2_000
_HEAD_LINES = 5
_WORDS = (b"TODO", b"FIXME", b"XXX", b"HACK")
_MARKER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b[:\s-]{0,10}([^\n]{0,200})")
_COMMENT = ("#", "//", "/*", "*")
_GENERATED = re.compile(
    r"@generated\b|\b(?:auto[- ]?generated|(?:generated|created) (?:automatically )?(?:by|from|with|using)\b"
    r"|automatically generated|do not (?:edit|modify|change)\b)",
    re.IGNORECASE,
)


def may_hold_markers(source: bytes) -> bool:
    """Say whether the words of markers occur at all, in a comment or elsewhere."""
    return any(word in source for word in _WORDS)


def marker(comment: str, line: int) -> Marker | None:
    """Return the first marker of a comment's line; None when it has none."""
    found = _MARKER.search(comment)
    return Marker(found[1], found[2].strip(), line) if found else None


def says_generated(source: bytes) -> bool:
    """Say whether the comments of a file's first lines call it generated."""
    head = source[:_HEAD_BYTES].decode("utf-8", "replace").replace("\r", "\n").split("\n", _HEAD_LINES)[:_HEAD_LINES]
    comments = [line for line in head if line.lstrip().startswith(_COMMENT)]
    return any(_GENERATED.search(comment) for comment in comments)
