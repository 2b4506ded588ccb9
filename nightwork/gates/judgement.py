"""What the gates say of one change, compared with the commit on which it stands."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nightwork.gates.report import Finding, Severity
from nightwork.outcome import Verdict
from nightwork.settings import Measure


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GateStatus(StrEnum):
    """What one gate says of a change."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class Flag(StrEnum):
    """What a person should look at apart, whatever the score."""

    SECURITY_FINDING = "security_finding"  # the change brings a security finding of any severity
    TESTS_LOST = "tests_lost"  # tests that passed are gone or skipped
    TESTS_CHANGED = "tests_changed"  # existing tests were changed or deleted
    CI_CHANGED = "ci_changed"
    HOOKS_CHANGED = "hooks_changed"
    LOCK_FILES_CHANGED = "lock_files_changed"
    GATE_CONFIG_CHANGED = "gate_config_changed"
    FLAKY_TEST = "flaky_test"


class GateResult(_Frozen):
    """One gate on one change; only what the change brings is listed."""

    gate: str
    measures: Measure
    status: GateStatus
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    failing_tests: tuple[str, ...] = ()
    flaky_tests: tuple[str, ...] = ()
    lost_tests: tuple[str, ...] = ()
    tests_passed: int = 0
    tests_total: int = 0
    duration_s: float = 0.0


class Scores(_Frozen):
    """The shares of the score, 0 to 100 each; None is n/a and its weight goes to the others."""

    syntax: float | None = None
    tests: float | None = None
    security: float | None = None
    complexity: float | None = None
    docs: float | None = None
    total: float | None = None


class Judgement(_Frozen):
    """The verdict on one commit of one ticket."""

    ticket: str
    attempt: int
    commit: str
    verdict: Verdict
    blocked_by: str | None = None
    vetoes: tuple[str, ...] = ()
    gates: tuple[GateResult, ...] = ()
    flags: tuple[Flag, ...] = ()
    scores: Scores = Scores()
    sandbox: str = "unconfined"

    def findings_by_severity(self) -> dict[str, int]:
        """Return how many findings the change brings, by severity, of the gates that measure security."""
        found = [f.severity for gate in self.gates if gate.measures is Measure.SECURITY for f in gate.findings]
        return {str(severity): found.count(severity) for severity in Severity}
