"""What may be taken from a report: code that an agent changed wrote it, so no type, size or text in it is trusted."""

from __future__ import annotations

import json
import os.path
import posixpath
from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from nightwork.gates.reports.unreadable import UnreadableReport

MAX_REPORT = 50_000_000
MAX_ENTRIES = 100_000
MAX_MESSAGE = 500
MAX_PATH = 4096
MAX_LINE = 10_000_000

Entry = TypeVar("Entry")


def load_json(form: str, text: str) -> Any:
    """Read JSON; raises UnreadableReport when it is none, or nested too deeply to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableReport(form, f"no JSON: {one_line(error)}") from None


def limited(form: str, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Collect entries; raises UnreadableReport when there are more than MAX_ENTRIES."""
    kept = tuple(islice(entries, MAX_ENTRIES + 1))
    if len(kept) > MAX_ENTRIES:
        raise UnreadableReport(form, f"more than {MAX_ENTRIES} entries")
    return kept


def as_dict(value: object) -> dict[str, Any]:
    """Return the object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the array, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return the string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def one_line(value: object, limit: int = MAX_MESSAGE) -> str:
    """Return the text on one line, at most `limit` characters, without control, format or surrogate characters."""
    head = str(value)[: 4 * limit]
    return " ".join(_printable(head, " ").split())[:limit].rstrip()


def line_number(value: object) -> int:
    """Return a line counted from 1, or 0 for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value <= MAX_LINE else 0


def relative_path(path: str, root: str) -> str:
    """Return `path` relative to `root` when it stands below it, else as it is, without control characters.

    Takes plain paths and `file://` URIs. What comes back may be absolute or start with `..`: it is a text to show and
    compare, not one to open.
    """
    path = file_path(path[:MAX_PATH])
    if not path or "://" in path:
        return _printable(path, "\ufffd")
    normal = posixpath.normpath(posixpath.join(root, path))
    for base in (root, os.path.realpath(root)):
        below = posixpath.normpath(base).rstrip("/") + "/"
        if normal.startswith(below):
            return _printable(normal.removeprefix(below), "\ufffd")
    return _printable(posixpath.normpath(path), "\ufffd")


def file_path(uri: str) -> str:
    """Return the path of a `file://` URI, and anything else unchanged."""
    if not uri.lower().startswith("file:"):
        return uri
    try:
        return unquote(urlsplit(uri).path)
    except ValueError:
        return uri


def _printable(text: str, substitute: str) -> str:
    return "".join(character if character.isprintable() else substitute for character in text)
