"""What a change brings: the reports after it, less what was there before.

A finding is the same when rule, file and the text of the flagged line are, so code that only moves brings nothing new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nightwork.gates.report import Finding, Report, TestStatus

LineOf = Callable[[str, int], str]


def _same(path: str) -> str:
    return path


def new_findings(
    before: Report,
    after: Report,
    line_before: LineOf,
    line_after: LineOf,
    old_path: Callable[[str], str] = _same,
) -> tuple[Finding, ...]:
    """Return the findings that the change brings, in the order of the report; a line that comes twice counts twice.

    `line_before` and `line_after` give the text of a line of a file, and are asked for lines from 1 only; `old_path`
    gives the path that a renamed file had before. The paths come from reports: they may lead out of the checkout.
    """
    known = Counter((each.rule, each.path, _flagged_text(each, line_before)) for each in before.findings)
    new = []
    for finding in after.findings:
        identity = finding.rule, old_path(finding.path), _flagged_text(finding, line_after)
        if known[identity]:
            known[identity] -= 1
        else:
            new.append(finding)
    return tuple(new)


def new_failures(before: Report, after: Report) -> tuple[str, ...]:
    """Return the ids of tests that fail after the change and did not before it, also of those that were not there."""
    failed_before = {test.id for test in before.tests if test.status is TestStatus.FAILED}
    failed_after = dict.fromkeys(test.id for test in after.tests if test.status is TestStatus.FAILED)
    return tuple(id_ for id_ in failed_after if id_ not in failed_before)


def lost_tests(before: Report, after: Report) -> tuple[str, ...]:
    """Return the ids of tests that passed before the change and are skipped or missing after it."""
    run_after = {test.id for test in after.tests if test.status is not TestStatus.SKIPPED}
    passed_before = dict.fromkeys(test.id for test in before.tests if test.status is TestStatus.PASSED)
    return tuple(id_ for id_ in passed_before if id_ not in run_after)


def _flagged_text(finding: Finding, line_of: LineOf) -> str:
    text = line_of(finding.path, finding.line) if finding.line else finding.message
    return " ".join(text.split())
