"""Drift for a notebook: a sentence and a table, the worst modules first, the rest counted."""

from __future__ import annotations

from nightwork.module_spec.drift import log
from nightwork.module_spec.drift.finding import Drift
from nightwork.webpage import summary, table

_MOST = 30


def fragment(drift: Drift) -> str:
    """Return the findings, those of the worst modules first."""
    rows = (
        (each.severity, log.spoken(each), log.where(each), each.name, each.text)
        for unit in drift.units
        for each in unit.findings
    )
    headers = ("severity", "kind", "where", "name", "what changed")
    return summary("drift", [log.summary(drift)], table(headers, rows, _MOST))
