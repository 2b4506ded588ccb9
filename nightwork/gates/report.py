"""What a gate's command found, whatever the form of its report."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nightwork.gate_settings import Measure
from nightwork.redact import Redacted


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """How bad a finding is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Finding(_Frozen):
    """One complaint of a tool; `path` is relative to the checkout, `line` counts from 1 and is 0 when unknown."""

    rule: str
    message: Redacted
    path: str
    line: int
    severity: Severity


class TestStatus(StrEnum):
    """What came of one test."""

    __test__ = False

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class TestCase(_Frozen):
    """One test; `id` is class name and name as the report has them."""

    __test__ = False

    id: Redacted
    status: TestStatus
    message: Redacted = ""


class Report(_Frozen):
    """What a report holds."""

    findings: tuple[Finding, ...] = ()
    tests: tuple[TestCase, ...] = ()


Ranges = tuple[tuple[int, int], ...]  # lines from 1, first and last of each


class FileCoverage(_Frozen):
    """Which executable lines of a file the tests ran; `path` is as in a Finding."""

    path: str
    covered: Ranges = ()
    uncovered: Ranges = ()


class GateRun(_Frozen):
    """One run of one gate on one tree; `problem` says why it could not run, and None means that it did.

    `coverage` is None when nothing is asked for or known of it; `coverage_problem` then says why it is not known.
    """

    gate: str
    measures: Measure
    report: Report = Report()
    exit_code: int | None = None
    problem: str | None = None
    coverage: tuple[FileCoverage, ...] | None = None
    coverage_problem: str | None = None
    output: Redacted = ""
    duration_s: float = 0.0
