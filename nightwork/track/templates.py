"""Prompts as templates: `$name` or `${name}` stands for a text, `$$` for a dollar, and nothing else begins with `$`."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nightwork.errors import BadInput, Fault

REVIEW, FIX, RESEARCH, PHASE = "review", "fix", "research", "phase"
_OF_MODULE = ("number", "name", "track", "title", "document", "sidecars")
# What each kind of prompt may show of a module; texts of others come as marked blocks.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    REVIEW: (*_OF_MODULE, "rubric", "audit", "research"),
    FIX: (*_OF_MODULE, "rubric", "audit", "research", "findings"),
    RESEARCH: (*_OF_MODULE, "requirements"),
    PHASE: (*_OF_MODULE, "rubric", "research", "requirements", "before"),
}
# Without these the answer would be about nothing.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    REVIEW: ("document", "rubric"),
    FIX: ("document", "findings"),
    RESEARCH: ("requirements",),
    PHASE: (),
}
_DEFAULTS = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Template:
    """A prompt whose variables are all known; made by `parse_template`."""

    text: str

    def render(self, values: Mapping[str, str]) -> str:
        """Return the prompt with its variables put in once: a `$` in a value stays. A missing value is a KeyError."""
        return string.Template(self.text).substitute(values)


def parse_template(text: str, where: str, kind: str) -> Template:
    """Read a prompt of one kind; raises BadInput with every `$` that stands for nothing, and what must be shown."""
    known = VARIABLES[kind]
    faults = [
        Fault(f"{where}:{text.count(chr(10), 0, match.start()) + 1}", problem)
        for match in string.Template.pattern.finditer(text)
        if (problem := _problem(match, known))
    ]
    used = {match["named"] or match["braced"] for match in string.Template.pattern.finditer(text)}
    faults += [
        Fault(where, f"a prompt of the kind {kind!r} must show ${name}") for name in REQUIRED[kind] if name not in used
    ]
    if not text.strip():
        faults = [Fault(where, "is empty; expected a prompt")]
    if faults:
        raise BadInput(*faults)
    return Template(text)


def default_template(kind: str) -> Template:
    """Return the prompt that comes with nightwork; phases have none."""
    path = _DEFAULTS / f"{kind}.md"
    return parse_template(path.read_text(encoding="utf-8"), path.name, kind)


def _problem(match: re.Match[str], known: tuple[str, ...]) -> str | None:
    name = match["named"] or match["braced"]
    if match["escaped"] is not None or name in known:
        return None
    listed = ", ".join(f"${each}" for each in known)
    return f"unknown variable ${name}; known: {listed}" if name else f"a `$` is written `$$`; variables: {listed}"
