"""The settings of one gate: what it runs, what that tells about, and how its report is read."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from nightwork.duration import Duration
from nightwork.section import Section

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Command = Annotated[tuple[str, ...], Field(min_length=1)]


class Measure(StrEnum):
    """What a gate tells about; the score has one share for each."""

    SYNTAX = "syntax"
    TESTS = "tests"
    SECURITY = "security"


class GateSettings(Section):
    """One gate: a command and the form of the report it prints."""

    name: Name
    measures: Measure
    command: Command
    report: str = Field(default="exit_code", description="sarif, junit, mypy, detect_secrets or exit_code")
    report_path: str | None = Field(
        default=None, description="the file that holds the report; default: standard output"
    )
    coverage_path: str | None = Field(
        default=None, description="file that the tests write with the lines they ran, Cobertura XML or LCOV"
    )
    min_coverage: float | None = Field(
        default=None, ge=0, le=100, description="percent of the changed lines that must have run; none by default"
    )
    timeout: Duration = timedelta(minutes=15)

    @model_validator(mode="after")
    def _knows_where_coverage_is(self) -> Self:
        if self.min_coverage is not None and self.coverage_path is None:
            raise ValueError(f"gate {self.name!r}: min_coverage needs coverage_path, the file that the tests write")
        return self
