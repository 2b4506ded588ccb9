"""What a spec keeps for machines: JSON lines in HTML comments, with a checksum.

They are pure ASCII without `<`, `>` and `--`, so that no name or signature can end a comment or hide in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nightwork.module_spec.document.header import digest

_CLOSE = "\n-->"
_JSON = json.JSONEncoder(separators=(",", ":"))


def write_comment(kind: str, values: Sequence[Any]) -> str:
    """Return a comment with one line of JSON for each value."""
    lines = "\n".join(map(_line, values))
    return f"<!-- nightwork:{kind} {digest(lines)}\n{lines}{_CLOSE}\n"


def read_comment(text: str, kind: str) -> list[Any] | None:
    """Return the values of the last comment of a kind; None when there is none, or it is not as it was written."""
    opening = f"\n<!-- nightwork:{kind} "
    start = f"\n{text}".rfind(opening)
    end = text.find(_CLOSE, start)
    if start < 0 or end < 0:
        return None
    checksum, _, lines = text[start + len(opening) - 1 : end].partition("\n")
    if checksum != digest(lines):
        return None
    try:
        return [json.loads(line) for line in lines.split("\n") if line]
    except (ValueError, RecursionError):
        return None


def write_kept(purpose: str, interface: str) -> str:
    """Return the comment with a module's purpose in a line, and what its dependents are shown."""
    return write_comment("interface", [[purpose, interface]])


def read_kept(text: str) -> tuple[str, str] | None:
    """Return from a spec what `write_kept` was given; None when it does not hold it."""
    match read_comment(text, "interface"):
        case [[str(purpose), str(interface)]]:
            return purpose, interface
    return None


def _line(value: Any) -> str:
    text = _JSON.encode(value)
    return text.replace("--", r"\u002d\u002d").replace("<", r"\u003c").replace(">", r"\u003e")
