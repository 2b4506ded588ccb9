"""Reads the standard reports of the field; whatever the text, there comes a Report or an UnreadableReport."""

from __future__ import annotations

from collections.abc import Callable

from nightwork.gates.report import Report
from nightwork.gates.reports import detect_secrets, junit, mypy, sarif
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import MAX_REPORT

__all__ = ["FORMS", "Parser", "UnreadableReport", "parse"]

Parser = Callable[[str, str], Report]

FORMS: dict[str, Parser] = {
    "sarif": sarif.parse,
    "junit": junit.parse,
    "mypy": mypy.parse,
    "detect_secrets": detect_secrets.parse,
}


def parse(form: str, text: str, root: str) -> Report:
    """Read a report; `root` is the checkout as the tool saw it, and paths below it come back relative to it.

    Raises:
        UnreadableReport: the form is unknown, or the text is not of it; nothing can be said of the change then.
    """
    if form not in FORMS:
        raise UnreadableReport(form, f"unknown form; known: {', '.join(FORMS)}")
    if len(text) > MAX_REPORT:
        raise UnreadableReport(form, f"{len(text)} characters; at most {MAX_REPORT} are read")
    unicode_text = text.encode("utf-8", "replace").decode("utf-8")
    return FORMS[form](unicode_text.removeprefix("\ufeff"), root)
