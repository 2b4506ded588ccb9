"""Reads JUnit XML, with nested suites and with cases that stand outside of any suite, as `node --test` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from junitparser import Attr, Error, Failure, JUnitXml, JUnitXmlError, Skipped
from junitparser import TestCase as JUnitCase
from junitparser import TestSuite as JUnitSuite

from nightwork.gates.report import Report, TestCase, TestStatus
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import limited, one_line
from nightwork.gates.reports.xmltree import read_tree

FORM = "junit"

_NOT_RUN = {"disabled", "notrun", "skipped"}


class _Case(JUnitCase):
    status = Attr()  # GoogleTest and CTest say there that a test was not run, with no <skipped>


class _Suite(JUnitSuite):
    testcase = _Case


class _Suites(JUnitXml):
    testsuite = _Suite


def parse(text: str, root: str) -> Report:  # noqa: ARG001 (JUnit has no paths that count)
    """Read the tests; an error counts as a failure, and ids that come again get `#2`, `#3` and so on."""
    try:
        suites = _Suites.fromroot(read_tree(FORM, text))
    except (JUnitXmlError, ValueError) as error:
        raise UnreadableReport(FORM, one_line(error)) from None
    return Report(tests=_with_unique_ids(limited(FORM, _cases(suites))))


def _cases(suites: JUnitXml) -> Iterator[TestCase]:
    for case in suites.iterchildren(_Case):  # type: ignore[no-untyped-call]
        yield _test(case)
    for suite in suites:
        for case in suite:
            yield _test(case)


def _test(case: Any) -> TestCase:
    results = case.result
    failures = [result for result in results if isinstance(result, Failure | Error)]
    skips = [result for result in results if isinstance(result, Skipped)]
    status = TestStatus.PASSED
    if failures:
        status = TestStatus.FAILED
    elif skips or (case.status or "").lower() in _NOT_RUN:
        status = TestStatus.SKIPPED
    told = next(iter(failures or skips), None)
    message = (told.message or told.text or "") if told is not None else ""
    return TestCase(id=_id(case), status=status, message=one_line(message))


def _id(case: Any) -> str:
    name = one_line(case.name or "") or "unnamed"
    class_name = one_line(case.classname or "")
    return f"{class_name}::{name}" if class_name else name


def _with_unique_ids(cases: Iterable[TestCase]) -> tuple[TestCase, ...]:
    seen: dict[str, int] = {}
    unique = []
    for case in cases:
        id_ = case.id
        if case.id in seen:
            count = seen[case.id] + 1
            while (id_ := f"{case.id}#{count}") in seen:
                count += 1
            seen[case.id] = count
        seen[id_] = 1
        unique.append(case.model_copy(update={"id": id_}))
    return tuple(unique)
