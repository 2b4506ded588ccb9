"""Reads what `mypy --output json` prints: one JSON object a line, https://mypy.readthedocs.io/en/stable/command_line.html."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nightwork.gates.report import Finding, Report, Severity
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import as_text, limited, line_number, load_json, one_line, relative_path

FORM = "mypy"

_SUMMARY = re.compile(r"Found \d+ errors? in \d+ files?\b|Success: no issues found\b")


def parse(text: str, root: str) -> Report:
    """Read the errors; notes are no findings."""
    return Report(findings=limited(FORM, _findings(text, root)))


def _findings(text: str, root: str) -> Iterator[Finding]:
    for line in text.split("\n"):
        if line.strip() and not _SUMMARY.match(line):
            entry = load_json(FORM, line)
            if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
                raise UnreadableReport(FORM, f"expected an object with `file`: {one_line(line, 80)}")
            if entry.get("severity") != "note":
                yield _finding(entry, root)


def _finding(entry: dict[str, object], root: str) -> Finding:
    return Finding(
        rule=one_line(as_text(entry.get("code"))) or "mypy",
        message=one_line(as_text(entry.get("message"))),
        path=relative_path(as_text(entry.get("file")), root),
        line=line_number(entry.get("line")),
        severity=Severity.MEDIUM,
    )
