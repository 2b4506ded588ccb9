"""How much of what a change adds its tests run."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nightwork.gate_settings import GateSettings
from nightwork.gates.judgement import GateResult, GateStatus
from nightwork.gates.report import FileCoverage, GateRun, Ranges
from nightwork.gates.reports.coverage import ranges
from nightwork.gates.source import parsed
from nightwork.gates.tricks import Edited
from nightwork.gates.tricks.wording import is_code, is_python
from nightwork.testfile import is_test_file

MAX_PLACES = 20


@dataclass(frozen=True)
class Covered:
    """Of the executable lines that a change adds: how many ran, and where those are that did not.

    `unknown` are sources that were too large to be looked at.
    """

    covered: int
    total: int
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it as people read it; the share is rounded down."""
        if not self.total:
            return "no changed line to cover"
        lines = "changed line" if self.total == 1 else "changed lines"
        return f"{math.floor(100 * self.covered / self.total)} % of {self.total} {lines} covered"


def with_coverage(result: GateResult, run: GateRun, gate: GateSettings, edits: Sequence[Edited]) -> GateResult:
    """Return the result with what is known of the coverage of changed lines.

    Below the gate's `min_coverage` it fails; where one is asked for and the coverage is not known, it has not passed.
    """
    if gate.coverage_path is None or run.problem is not None:
        return result
    if run.coverage is None:
        told = f"{result.detail}; coverage not known: {run.coverage_problem}"
        is_wanted = gate.min_coverage is not None and result.status is GateStatus.PASSED
        return result.model_copy(update={"detail": told, **({"status": GateStatus.NOT_RUN} if is_wanted else {})})
    found = changed_coverage(run.coverage, edits)
    told = f"{result.detail}, {found.text()}"
    known = {"changed_lines_covered": found.covered, "changed_lines_total": found.total, "uncovered": found.missing}
    if found.unknown:
        told = f"{told}; not known of {', '.join(found.unknown[:3])}"
        if gate.min_coverage is not None and result.status is GateStatus.PASSED:
            known["status"] = GateStatus.NOT_RUN
    if gate.min_coverage is not None and 100 * found.covered < gate.min_coverage * found.total:
        places = ", ".join(found.missing[:5]) + (" ..." if len(found.missing) > 5 else "")
        told = f"{told}, less than {gate.min_coverage:g} %: {places}"
        passes = result.status is not GateStatus.PASSED
        known["status"] = result.status if passes else GateStatus.FAILED
    return result.model_copy(update={"detail": told, **known})


def changed_coverage(coverage: Sequence[FileCoverage], edits: Sequence[Edited]) -> Covered:
    """Count the added lines that could run and did; tests themselves are left out.

    A file that the report does not know was not run: in Python each statement counts, in a language that the report
    knows each line that is not blank.
    """
    by_path = {file.path: file for file in coverage}
    suffixes = {_family(path) for path in by_path}
    covered = total = 0
    missing: list[str] = []
    for edited in edits:
        added = _added(edited)
        known = by_path.get(edited.path)
        if known:
            ran, idle = added & _lines(known.covered), added & _lines(known.uncovered)
        else:
            ran, idle = frozenset[int](), added & _could_run(edited, suffixes)
        covered += len(ran)
        total += len(ran) + len(idle)
        missing += _places(edited.path, ranges(idle))
    unknown = tuple(edited.path for edited in edits if edited.lines is None and _is_counted(edited.path))
    return Covered(covered, total, tuple(missing[:MAX_PLACES]), unknown)


def _added(edited: Edited) -> frozenset[int]:
    if edited.lines is None or edited.file.status[0] == "D" or not _is_counted(edited.path):
        return frozenset()
    return frozenset(number for number, _ in edited.lines.added)


def _is_counted(path: str) -> bool:
    return is_code(path) and not is_test_file(path) and not path.endswith(".pyi")


# A report that knows one of these languages would know a file of the others.
_SCRIPTS = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"})


def _family(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return ".js" if suffix in _SCRIPTS else suffix


def _could_run(edited: Edited, suffixes: set[str]) -> frozenset[int]:
    if is_python(edited.path) and parsed(edited.after or b"") is not None:
        return frozenset(_statements(edited.after or b""))
    if edited.lines is None or not (is_python(edited.path) or _family(edited.path) in suffixes):
        return frozenset()
    return frozenset(number for number, line in edited.lines.added if line.strip())


def _statements(source: bytes) -> Iterator[int]:
    module = parsed(source)
    for node in ast.walk(module) if module else ():
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not is_text:
            yield node.lineno


def _lines(given: Ranges) -> frozenset[int]:
    return frozenset(line for first, last in given for line in range(first, last + 1))


def _places(path: str, missing: Ranges) -> list[str]:
    return [f"{path}:{first}" if first == last else f"{path}:{first}-{last}" for first, last in missing]
