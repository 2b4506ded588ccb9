"""The front matter of a spec: what tells, without reading the source's syntax, whether the spec is still true.

It is YAML of which each line is `key: value`, the value plain or JSON, so that a thousand are read in milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

FORM = "v1"
_PLAIN = re.compile(r"[A-Za-z0-9_./@][A-Za-z0-9_./@ +-]*(?<! )")
_WORDS = re.compile(r"(?i)(null|true|false|yes|no|on|off|y|n|~|[0-9][0-9_.:eE+-]*|0[xob].*|\.(inf|nan))")
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Header:
    """The front matter; hashes are hex. `content_key` is the one key of cache, resume, staleness and drift."""

    source_target: str
    related_files: tuple[str, ...]
    last_updated: str  # a date; the one thing that two runs over the same input may write differently
    confidence: Confidence
    skeleton_hash: str  # of the public skeleton
    tree_hash: str  # of the syntax trees of the unit's files
    source_hash: str  # of the bytes of the unit's files
    content_key: str
    text_hash: str  # of everything behind the front matter
    generated_by: str  # nightwork and its version
    made_with: str = ""  # digest of everything but the sources that shapes a spec: prompts, settings, form
    model: str = "none"
    degraded: str = ""  # why a model's spec is one from the syntax tree alone
    type: str = "module-spec"
    version: str = FORM

    def as_text(self) -> str:
        """Return the front matter with its two fences."""
        return _as_text(self)


@dataclass(frozen=True)
class IndexHeader:
    """The front matter of the index; `covers` is the digest of all that it was made of."""

    last_updated: str
    model: str
    is_complete: bool  # the run left nothing to do that another run would
    covers: str
    text_hash: str
    generated_by: str
    type: str = "module-index"
    version: str = FORM

    def as_text(self) -> str:
        """Return the front matter with its two fences."""
        return _as_text(self)


_ORDER = ("type", "version", "generated_by", "source_target", "related_files", "last_updated", "confidence")


def _as_text(header: Header | IndexHeader) -> str:
    values = vars(header)
    keys = [*(key for key in _ORDER if key in values), *(key for key in values if key not in _ORDER)]
    lines = [f"{key}: {_written(values[key])}" for key in keys if values[key] != "" or key != "degraded"]
    return "\n".join(["---", *lines, "---", ""])


def split(text: str) -> tuple[dict[str, Any], str] | None:
    """Return the front matter's values and all that follows; None when there is no front matter that can be read.

    The ends of lines as git and editors of other systems write them, and a byte order mark, are taken back.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith("---\n") or (end := text.find("\n---\n", 3)) < 0:
        return None
    values: dict[str, Any] = {}
    for line in text[4:end].split("\n"):
        key, colon, value = line.partition(": ")
        if not colon:
            return None
        try:
            values[key] = json.loads(value) if value[:1] in {'"', "["} else value
        except (ValueError, RecursionError):
            return None
    return values, text[end + 5 :]


def read_header(text: str) -> tuple[Header, str] | None:
    """Return a spec's front matter and all that follows; None when it is none of ours, or of another form."""
    found = split(text)
    if found is None or found[0].get("version") != FORM:
        return None
    values, rest = found
    files = values.pop("related_files", [])
    if not isinstance(files, list) or not _are_texts([*values.values(), *files]):
        return None
    try:
        return Header(**values, related_files=tuple(files)), rest
    except TypeError:
        return None


def read_index_header(text: str) -> IndexHeader | None:
    """Return the index's front matter; None when it is none of ours, or what follows is not as it was written."""
    found = split(text)
    if found is None or found[0].get("type") != "module-index" or found[0].get("version") != FORM:
        return None
    values, rest = found
    if not _are_texts(values.values()):
        return None
    try:
        header = IndexHeader(**{**values, "is_complete": values.get("is_complete") == "true"})
    except TypeError:
        return None
    return header if header.text_hash == text_hash(rest) else None


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(each, str) for each in values)


def text_hash(text: str) -> str:
    """Return the hash of what follows the front matter."""
    return digest(text)


def digest(*parts: str) -> str:
    """Return the hash of some texts in order."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=True)
