"""What a model submits about a document: a review, a fix, a text. What has not this form is no answer."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nightwork.markdown import printable
from nightwork.track.definition import MAX_BYTES

_MAX_TEXT = 1_000_000
_MAX_SAID = 4_000
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]|\\r(?!\\n)")


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mark(_Form):
    """What a reviewer gives for one dimension of the rubric."""

    dimension: str = Field(max_length=200)
    mark: float = Field(ge=0, le=10, description="0 to 10")
    reason: str = Field(min_length=1, max_length=_MAX_SAID, description="what in the document earns it")


class Finding(_Form):
    """One thing that is wrong with a document."""

    dimension: str = Field(max_length=200)
    severity: Literal["minor", "major", "critical"]
    where: str = Field(max_length=_MAX_SAID, description="a short quotation of the place")
    problem: str = Field(min_length=1, max_length=_MAX_SAID)
    suggestion: str = Field(default="", max_length=_MAX_SAID)


class Review(_Form):
    """A judgement of one version of a document."""

    marks: tuple[Mark, ...] = Field(max_length=50, description="one for each dimension of the rubric")
    findings: tuple[Finding, ...] = Field(default=(), max_length=200)
    needs_person: str = Field(
        default="", max_length=_MAX_SAID, description="what only a person can decide, as a question; else empty"
    )

    def question(self) -> str:
        """Return what a person is asked; empty when it is nothing that can be read."""
        return _said(self.needs_person)

    def by_dimension(self) -> dict[str, float]:
        """Return the marks by dimension."""
        return {each.dimension: each.mark for each in self.marks}

    def problem(self, dimensions: Collection[str]) -> str:
        """Say why this is no review of these dimensions; empty when it is one."""
        told = [each.dimension for each in self.marks]
        missing = [name for name in dimensions if name not in told]
        unknown = [name for name in (*told, *(each.dimension for each in self.findings)) if name not in dimensions]
        twice = sorted({name for name in told if told.count(name) > 1})
        faults = [
            *([f"no mark for {', '.join(missing)}"] if missing else []),
            *([f"the rubric has no {', '.join(dict.fromkeys(unknown))}"] if unknown else []),
            *([f"more than one mark for {', '.join(twice)}"] if twice else []),
        ]
        if faults:
            return f"{'; '.join(faults)}. Give one mark for each of: {', '.join(dimensions)}."
        is_empty = not self.question() and not any(_said(each.problem) for each in self.findings)
        if is_empty and all(each.mark == 10 for each in self.marks):
            return (
                "Top marks for everything and no finding is no review. Read the document again as its strictest "
                "reader, and say what could be better; keep 10 for what could not."
            )
        return ""


class SidecarText(_Form):
    """The whole new text of one sidecar file."""

    name: str = Field(max_length=200)
    text: str = Field(max_length=_MAX_TEXT)


class Fix(_Form):
    """A new version of a document."""

    document: str = Field(min_length=1, max_length=_MAX_TEXT, description="the whole new text, not a part of it")
    sidecars: tuple[SidecarText, ...] = Field(default=(), max_length=50, description="those that change, whole")
    said: str = Field(default="", max_length=_MAX_SAID, description="what was changed, in a sentence or two")
    needs_person: str = Field(
        default="", max_length=_MAX_SAID, description="what only a person can decide, as a question; else empty"
    )

    def question(self) -> str:
        """Return what a person is asked; empty when it is nothing that can be read."""
        return _said(self.needs_person)

    def problem(self, editable: Collection[str]) -> str:
        """Say what of this may not be written; empty when all may."""
        if told := unfit(self.document) or ("" if _said(self.document) else "the document is empty"):
            return told
        if told := next(filter(None, (unfit(each.text) for each in self.sidecars)), ""):
            return told
        names = [each.name for each in self.sidecars]
        refused = [name for name in names if name not in editable]
        if refused:
            allowed = f"you may write {', '.join(editable)}" if editable else "there is none that you may write"
            return f"the sidecar {', '.join(refused)} is not for you to write; {allowed}"
        return "a sidecar stands twice" if len(set(names)) < len(names) else ""


def _said(text: str) -> str:
    """Return what of a text can be read."""
    return printable(text).strip()


def unfit(text: str) -> str:
    """Say why a text cannot be a file of a module; empty when it can."""
    if found := _CONTROL.search(text):
        return f"the text holds the control character U+{ord(found[0]):04X}; write it as an escape, or leave it out"
    size = len(text.encode("utf-8", "replace"))
    return f"the text has {size:,} bytes; at most {MAX_BYTES:,} are kept" if size > MAX_BYTES else ""


class Text(_Form):
    """The whole text of one file."""

    text: str = Field(min_length=1, max_length=_MAX_TEXT, description="the whole text of the file")
    said: str = Field(default="", max_length=_MAX_SAID, description="what it is based on, in a sentence or two")

    def problem(self) -> str:
        """Say why this cannot be a file; empty when it can."""
        return unfit(self.text) or ("" if _said(self.text) else "the text is empty")
