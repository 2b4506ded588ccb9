"""What the gates say of one change, compared with the commit on which it stands."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from nightwork.gate_settings import Measure
from nightwork.gates.report import Finding, Severity
from nightwork.outcome import Verdict


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
    SUPPRESSION_ADDED = "suppression_added"  # a comment that tells a tool to look away
    TEST_SKIPPED = "test_skipped"  # a marker or hook that keeps tests from running or counting
    TEST_WEAKENED = "test_weakened"  # a test that asserts less than before, or nothing
    GATE_DETECTED = "gate_detected"  # code that tells whether a gate runs it, or reaches for its report
    RESULT_FORCED = "result_forced"  # code that sets the result or the exit code of the tests
    GATE_COMMAND_CHANGED = "gate_command_changed"  # the change says itself what a gate runs
    MODULE_SHADOWED = "module_shadowed"  # a file that takes the place of a library's or a tool's module
    VENDORED_CODE = "vendored_code"  # code of others, at a place that tools pass over
    COPIED_CODE = "copied_code"  # a new file that is nearly the same as another
    NOT_EXAMINED = "not_examined"  # a source file too large, or of a name too odd, to be looked at


# A change that may have passed its gates without deserving it is never called ready.
DECEIVING = frozenset(
    {
        Flag.TESTS_LOST,
        Flag.SUPPRESSION_ADDED,
        Flag.TEST_SKIPPED,
        Flag.TEST_WEAKENED,
        Flag.GATE_DETECTED,
        Flag.RESULT_FORCED,
        Flag.GATE_COMMAND_CHANGED,
        Flag.MODULE_SHADOWED,
        Flag.VENDORED_CODE,
        Flag.NOT_EXAMINED,
    }
)


class GateResult(_Frozen):
    """One gate on one change; only what the change brings is listed.

    Of the executable lines that it adds, `changed_lines_covered` ran in the tests; None means that it is not known.
    `uncovered` are the first places, `path:line` or `path:first-last`, that did not.
    """

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
    changed_lines_covered: int | None = None
    changed_lines_total: int | None = None
    uncovered: tuple[str, ...] = ()
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
    """The verdict on one commit of one ticket; `remarks` say where flags were found: `flag: path:line text`."""

    ticket: str
    attempt: int
    commit: str
    verdict: Verdict
    blocked_by: str | None = None
    vetoes: tuple[str, ...] = ()
    gates: tuple[GateResult, ...] = ()
    flags: tuple[Flag, ...] = ()
    remarks: tuple[str, ...] = ()
    scores: Scores = Scores()
    sandbox: str = "unconfined"

    def findings_by_severity(self) -> dict[str, int]:
        """Return how many findings the change brings, by severity, of the gates that measure security."""
        found = [f.severity for gate in self.gates if gate.measures is Measure.SECURITY for f in gate.findings]
        return {str(severity): found.count(severity) for severity in Severity}
