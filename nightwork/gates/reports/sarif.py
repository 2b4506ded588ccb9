"""Reads SARIF 2.1.0, https://docs.oasis-open.org/sarif/sarif/v2.1.0/, and the severity that bandit adds to it.

What a tool says it could not read is a finding: a file that no tool looked at has not passed.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from nightwork.gates.report import Finding, Report, Severity
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import (
    as_dict,
    as_list,
    as_text,
    file_path,
    limited,
    line_number,
    load_json,
    one_line,
    relative_path,
)

FORM = "sarif"
MAX_BASES = 8

_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.LOW}
_BANDIT = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}
_BANDIT_QUOTES_THE_PASSWORD = {"B105", "B106", "B107"}

Json = dict[str, Any]


def parse(text: str, root: str) -> Report:
    """Read the results of all runs; suppressed, absent and passing ones are no findings."""
    log = load_json(FORM, text)
    runs = log.get("runs") if isinstance(log, dict) else None
    if not isinstance(runs, list) or not runs:
        raise UnreadableReport(FORM, "expected an object with `runs`")
    return Report(findings=limited(FORM, (finding for run in runs for finding in _Run(run, root).findings())))


class _Run:
    def __init__(self, run: object, root: str) -> None:
        if not isinstance(run, dict) or not isinstance(run.get("results"), list):
            raise UnreadableReport(FORM, "a run without `results`, which means that the tool gave none")
        self._run: Json = run
        self._root = root
        self._rules = _rules_by_id(as_dict(run.get("tool")))

    def findings(self) -> Iterator[Finding]:
        for result in self._run["results"]:
            if not isinstance(result, dict):
                raise UnreadableReport(FORM, "a result that is no object")
            if not _is_dismissed(result):
                yield self._finding(result)
        for invocation in map(as_dict, as_list(self._run.get("invocations"))):
            yield from self._unread(invocation)

    def _finding(self, result: Json) -> Finding:
        id_, rule = self._rule(result)
        message = _message(result) or _text(rule.get("shortDescription"))
        return Finding(
            rule=one_line(id_) or "unknown",
            message=message.partition(":")[0] if id_ in _BANDIT_QUOTES_THE_PASSWORD else message,
            severity=_severity(result, rule),
            **self._place(result),
        )

    def _unread(self, invocation: Json) -> Iterator[Finding]:
        kinds = ("toolConfigurationNotifications", "toolExecutionNotifications")
        told = [as_dict(notification) for kind in kinds for notification in as_list(invocation.get(kind))]
        errors = [notification for notification in told if notification.get("level") == "error"]
        if invocation.get("executionSuccessful") is False:
            raise UnreadableReport(FORM, f"the tool says that it failed: {_message(errors[0]) if errors else ''}")
        for error in errors:
            rule = one_line(as_text(as_dict(error.get("descriptor")).get("id"))) or "not-analysed"
            yield Finding(rule=rule, message=_message(error), severity=Severity.HIGH, **self._place(error))

    def _rule(self, result: Json) -> tuple[str, Json]:
        reference = as_dict(result.get("rule"))
        id_ = as_text(result.get("ruleId")) or as_text(reference.get("id"))
        if not id_:
            index = result.get("ruleIndex", reference.get("index"))
            id_ = as_text(_at(as_dict(as_dict(self._run.get("tool")).get("driver")).get("rules"), index).get("id"))
        return id_, self._rules.get(id_) or self._rules.get(id_.partition("/")[0], {})

    def _place(self, result: Json) -> dict[str, Any]:
        physical = as_dict(_at(result.get("locations"), 0).get("physicalLocation"))
        line = line_number(as_dict(physical.get("region")).get("startLine"))
        return {"path": self._path(as_dict(physical.get("artifactLocation"))), "line": line}

    def _path(self, location: Json) -> str:
        if not as_text(location.get("uri")):
            location = as_dict(_at(self._run.get("artifacts"), location.get("index")).get("location"))
        path = _path_of_uri(location.get("uri"))
        for _ in range(MAX_BASES):
            base = as_dict(as_dict(self._run.get("originalUriBaseIds")).get(as_text(location.get("uriBaseId"))))
            if not path or posixpath.isabs(path) or not base:
                break
            location, path = base, posixpath.join(_path_of_uri(base.get("uri")), path)
        return relative_path(path, self._root)


def _path_of_uri(value: object) -> str:
    uri = as_text(value)
    return file_path(uri) if uri.lower().startswith("file:") else unquote(uri)


def _rules_by_id(tool: Json) -> dict[str, Json]:
    components = [as_dict(tool.get("driver")), *map(as_dict, as_list(tool.get("extensions")))]
    rules = [as_dict(rule) for component in components for rule in as_list(component.get("rules"))]
    return {as_text(rule.get("id")): rule for rule in reversed(rules)}


def _is_dismissed(result: Json) -> bool:
    suppressions = as_list(result.get("suppressions"))
    undecided = any(as_dict(each).get("status") in ("underReview", "rejected") for each in suppressions)
    return (
        (bool(suppressions) and not undecided)
        or result.get("kind") in ("pass", "notApplicable")
        or result.get("baselineState") == "absent"
    )


def _severity(result: Json, rule: Json) -> Severity:
    properties, rule_properties = as_dict(result.get("properties")), as_dict(rule.get("properties"))
    for source in (properties, rule_properties):
        score = _number(source.get("security-severity"))
        if score is not None:
            return _severity_of_score(score)
    if as_text(properties.get("issue_severity")) in _BANDIT:
        return _BANDIT[properties["issue_severity"]]
    return _LEVELS[_level(result, rule)]


def _level(result: Json, rule: Json) -> str:
    if as_text(result.get("level")) in _LEVELS:
        return as_text(result["level"])
    if as_text(result.get("kind")) not in ("", "fail"):
        return "none"
    default = as_text(as_dict(rule.get("defaultConfiguration")).get("level"))
    return default if default in _LEVELS else "warning"


def _severity_of_score(score: float) -> Severity:
    if score >= 9:
        return Severity.CRITICAL
    if score >= 7:
        return Severity.HIGH
    return Severity.MEDIUM if score >= 4 else Severity.LOW


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _message(result: Json) -> str:
    return _text(result.get("message"))


def _text(message: object) -> str:
    parts = as_dict(message)
    return one_line(as_text(parts.get("text")) or as_text(parts.get("markdown")))


def _at(entries: object, index: object) -> Json:
    if not isinstance(index, int) or not 0 <= index < len(as_list(entries)):
        return {}
    return as_dict(as_list(entries)[index])
