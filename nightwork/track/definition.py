"""`track.yaml`: which documents a track has, what is asked of them, and how they are checked, reviewed and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from nightwork.duration import Duration
from nightwork.markdown import printable
from nightwork.section import Section
from nightwork.track.patterns import ModuleName, PathText, PatternText

FILE_NAME = "track.yaml"
BEST = 10
MAX_BYTES = 1_000_000  # of one file of a module
DOCUMENT, RESEARCH = "document", "research"
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_WORD = r"[a-z][a-z0-9_]{0,39}"
# What words of the audit command may stand for, beside the names of sidecars.
AUDIT_VALUES = (DOCUMENT, "number", "name", "track")


def _printable(text: str) -> str:
    if printable(text) != text:
        raise ValueError("expected a plain text, without control or hidden characters")
    return text


def _plain(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a plain text, not an empty one")
    return _printable(text)


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0].strip() or any("\0" in word for word in words):
        raise ValueError("expected a program and its arguments, none with a NUL")
    return words


def checked_track_name(name: str) -> str:
    """Return the name of a track; raises ValueError when it is not safe for the name of a file and of a run."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}", name) or name.endswith("."):
        raise ValueError("the name of a track holds letters, digits and the signs _ . - only, at most 60; give it one")
    return name


PlainText = Annotated[str, Field(max_length=2_000), AfterValidator(_plain)]
Heading = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
TrackName = Annotated[str, AfterValidator(checked_track_name)]
Word = Annotated[str, Field(pattern=f"^{_WORD}$", description="small letters, digits and _; begins with a letter")]
Mark = Annotated[float, Field(ge=0, le=BEST, allow_inf_nan=False)]


class Dimension(Section):
    """One thing that a review marks."""

    name: Word
    weight: float = Field(default=1, gt=0, le=1_000, allow_inf_nan=False, description="its share of the score")
    floor: Mark = Field(default=0, description="a lower mark fails the document, whatever its score")
    meaning: PlainText = Field(description="what is marked, as the reviewer is told it")


class Rubric(Section):
    """What a review marks, from 0 to 10 each, and the score that passes."""

    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=20)]
    pass_mark: Mark = Field(description="the weighted mean that passes")


class Sidecar(Section):
    """A file that belongs to a document."""

    name: Word
    path: PatternText = Field(description="where it stands, as the documents' pattern says it")
    editable: bool = Field(default=False, description="a fix may write it too; it is rolled back with the document")


class Audit(Section):
    """The command that checks a document: exit code 0 is passed, what it prints is what it found."""

    command: Annotated[tuple[str, ...], Field(max_length=100), AfterValidator(_words)]
    timeout: Duration = timedelta(seconds=60)
    memory_mb: int | None = Field(default=None, ge=16, le=1_000_000, description="in place of sandbox.memory_mb")
    network: bool = Field(default=False, description="whether it may reach the network")

    def words(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return program and arguments with `{document}` and its like put in once; braces in values stay."""
        return tuple(_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in self.command)

    def placeholders(self) -> list[tuple[int, str]]:
        """Return what the words stand for, each with the place of its word."""
        return [(place, name) for place, word in enumerate(self.command) for name in _PLACEHOLDER.findall(word)]


class Prompts(Section):
    """Files of the track's folder with prompts in place of those that come with nightwork."""

    review: PathText | None = None
    fix: PathText | None = None
    research: PathText | None = None


class Research(Section):
    """What a module's research file must hold."""

    path: PatternText
    sections: tuple[Heading, ...] = Field(default=(), max_length=50, description="headings that must be there")
    min_words: int = Field(default=0, ge=0, le=100_000)
    min_sources: int = Field(default=0, ge=0, le=1_000, description="different links")


class Phase(Section):
    """One step in which `orchestrate` writes a file of a module."""

    name: Word
    prompt: PathText
    writes: str = Field(default=DOCUMENT, description="document, research, or the name of a sidecar")
    when: Literal["always", "missing"] = "always"


class Documents(Section):
    """Where the documents stand: those that are there by their numbers, or those that are listed."""

    pattern: PatternText
    names: tuple[ModuleName, ...] = Field(default=(), max_length=10_000)


class Definition(Section):
    """Everything that a track is told."""

    name: TrackName | None = Field(default=None, description="by default that of the folder")
    title: Annotated[str, AfterValidator(_printable)] = Field(default="", max_length=200)
    documents: Documents
    sidecars: tuple[Sidecar, ...] = Field(default=(), max_length=20)
    audit: Audit | None = None
    rubric: Rubric | None = None
    prompts: Prompts = Prompts()
    research: Research | None = None
    phases: tuple[Phase, ...] = Field(default=(), max_length=20)
    max_rounds: int = Field(default=3, ge=1, le=10, description="fixes of one document in one run")
