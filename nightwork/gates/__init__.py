"""Gates: commands that judge a change. What a gate finds is compared with the commit that the change stands on.

Only what the change brings counts. A gate that did not run has not passed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nightwork.gate_settings import GateSettings, Measure
from nightwork.gates import output
from nightwork.gates.compare import lost_tests, new_failures, new_findings
from nightwork.gates.judgement import GateResult, GateStatus
from nightwork.gates.report import GateRun, Report, Severity, TestCase, TestStatus
from nightwork.gates.reports import coverage, parse
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.sandbox import Finished, Run, Sandbox, named_files

__all__ = ["Lines", "compare", "run_gate", "vetoes_of"]

NO_TESTS = 5  # pytest's exit code when it found none

# Returns the text of a line of a file in a commit: (path, line from 1).
Lines = Callable[[str, int], str]


def run_gate(gate: GateSettings, checkout: Path, sandbox: Sandbox) -> GateRun:
    """Run one gate in a clean checkout; what keeps it from saying anything is its `problem`."""
    for path in filter(None, (gate.report_path, gate.coverage_path)):
        output.clear(checkout, path)
    run = Run(gate.command, checkout, timeout_s=gate.timeout.total_seconds(), visible=named_files(gate.command))
    finished, seen_at = sandbox.run(run), sandbox.inside(run)
    common = {"gate": gate.name, "measures": gate.measures, "duration_s": round(finished.duration_s, 3)}
    outcome: dict[str, Any] = {"exit_code": finished.exit_code, "output": finished.tail()}
    if finished.exit_code is None:
        return GateRun(**common, **outcome, problem=_why_not(gate, finished))
    outcome |= _coverage(gate, checkout, seen_at)
    if gate.report == "exit_code":
        return GateRun(**common, **outcome, report=_of_exit_code(gate, finished.exit_code))
    try:
        report = parse(gate.report, _report_text(gate, checkout, finished), seen_at)
    except (UnreadableReport, OSError, ValueError) as error:
        return GateRun(**common, **outcome, problem=f"exited {finished.exit_code}; {error}")
    return GateRun(**common, **outcome, report=report)


def _why_not(gate: GateSettings, finished: Finished) -> str:
    if finished.limit:
        return f"took {finished.limit}"
    return f"ran out of its {gate.timeout}" if finished.timed_out else finished.stderr


def _coverage(gate: GateSettings, checkout: Path, seen_at: str) -> dict[str, Any]:
    if gate.coverage_path is None:
        return {}
    try:
        return {"coverage": coverage.parse(output.read(checkout, gate.coverage_path), seen_at)}
    except FileNotFoundError:
        return {"coverage_problem": f"{gate.coverage_path} was not written"}
    except (UnreadableReport, OSError, ValueError) as error:
        return {"coverage_problem": str(error)}


def _of_exit_code(gate: GateSettings, exit_code: int) -> Report:
    """Count a test command that tells no more than its exit code as one test."""
    if gate.measures is not Measure.TESTS:
        return Report()
    return Report(tests=(TestCase(id=gate.name, status=TestStatus.FAILED if exit_code else TestStatus.PASSED),))


def _report_text(gate: GateSettings, checkout: Path, finished: Finished) -> str:
    if gate.report_path:
        return output.read(checkout, gate.report_path)
    if finished.truncated:
        raise ValueError("its report is larger than what is read")
    return finished.stdout


def compare(
    before: GateRun,
    after: GateRun,
    line_before: Lines,
    line_after: Lines,
    old_path: Callable[[str], str],
    rerun: Callable[[], GateRun],
) -> GateResult:
    """Say what the change brings to one gate; failing tests are run once more by `rerun` to tell the flaky ones."""
    result = GateResult(gate=after.gate, measures=after.measures, status=GateStatus.PASSED, duration_s=after.duration_s)
    if before.problem is not None:
        told = f", nor on the change: {after.problem}" if after.problem else "; what is new cannot be told"
        return _with(result, GateStatus.NOT_RUN, f"could not run on the base: {before.problem}{told}")
    if after.problem is not None:
        return _with(result, GateStatus.FAILED, f"can no longer run: {after.problem}")
    if _is_silent(after):
        return _compare_exit_codes(before, after, result)
    if after.measures is Measure.TESTS:
        return _compare_tests(before, after, rerun, result)
    findings = new_findings(before.report, after.report, line_before, line_after, old_path)
    severe = [f for f in findings if f.severity in (Severity.CRITICAL, Severity.HIGH)]
    fails = bool(findings if after.measures is Measure.SYNTAX else severe)
    known = len(after.report.findings) - len(findings)
    detail = f"{len(findings)} new, {known} known" if after.report.findings else "clean"
    return _with(result, GateStatus.FAILED if fails else GateStatus.PASSED, detail, findings=findings)


def _is_silent(run: GateRun) -> bool:
    return run.measures is not Measure.TESTS and run.report == Report() and run.exit_code != 0


def _compare_exit_codes(before: GateRun, after: GateRun, result: GateResult) -> GateResult:
    """Judge a gate that names nothing by its exit code alone."""
    if before.exit_code == 0:
        return _with(result, GateStatus.FAILED, f"exited {after.exit_code}: {after.output[-300:]}")
    detail = f"exited {after.exit_code}, and {before.exit_code} on the base: what is new cannot be told"
    return _with(result, GateStatus.NOT_RUN, detail)


def _compare_tests(before: GateRun, after: GateRun, rerun: Callable[[], GateRun], result: GateResult) -> GateResult:
    tests = after.report.tests
    failures = new_failures(before.report, after.report)
    flaky: tuple[str, ...] = ()
    if failures:
        again = rerun()
        passing = {test.id for test in again.report.tests if test.status is TestStatus.PASSED}
        flaky = tuple(name for name in failures if name in passing)
    failing = tuple(name for name in failures if name not in flaky)
    passed = sum(test.status is TestStatus.PASSED for test in tests) + len(flaky)
    lost = lost_tests(before.report, after.report)
    counts = {
        "tests_passed": passed,
        "tests_total": passed + len(failing) + len(lost),
        "flaky_tests": flaky,
        "lost_tests": lost,
    }
    known = sum(test.status is TestStatus.FAILED for test in tests) - len(failures)
    if not failures and not known and after.exit_code not in (0, NO_TESTS):
        return _with(result, GateStatus.FAILED, f"exited {after.exit_code}, though its report shows no failure")
    if failing:
        return _with(result, GateStatus.FAILED, f"{len(failing)} failing", failing_tests=failing, **counts)
    if passed == 0:
        return _with(result, GateStatus.NOT_RUN, "no test ran", **counts)
    notes = [f"{passed} passed", *([f"{known} failing on the base too"] if known else [])]
    notes += [f"{len(lost)} no longer run"] if lost else []
    return _with(result, GateStatus.PASSED, ", ".join(notes), **counts)


def _with(result: GateResult, status: GateStatus, detail: str, **changes: object) -> GateResult:
    return result.model_copy(update={"status": status, "detail": detail, **changes})


def vetoes_of(results: Sequence[GateResult]) -> tuple[str, ...]:
    """Return the hard vetoes, each with what to look at."""
    return tuple(_veto(result) for result in results if result.status is GateStatus.FAILED)


def _veto(result: GateResult) -> str:
    if result.failing_tests:
        shown = ", ".join(result.failing_tests[:5]) + (" ..." if len(result.failing_tests) > 5 else "")
        return f"{result.gate}: {len(result.failing_tests)} failing: {shown}"
    severe = [f for f in result.findings if f.severity in (Severity.CRITICAL, Severity.HIGH)]
    found = list(result.findings) if result.measures is Measure.SYNTAX else severe
    if found:
        shown = "; ".join(f"{f.path}:{f.line} {f.rule} {f.message}" for f in found[:5])
        return f"{result.gate}: {len(found)} new: {shown}"
    return f"{result.gate}: {result.detail}"
