"""Drift: what changed between the skeleton that a spec was written from and today's code.

It is found from the spec file and the source alone: no model and no git. White space, comments, formatting and the
order of imports are noise: counted, never a finding.
"""

from nightwork.module_spec.drift.compare import compare
from nightwork.module_spec.drift.finding import Drift, Finding, Kind, Severity, UnitDrift
from nightwork.module_spec.drift.log import as_json, as_markdown, summary, write_log
from nightwork.module_spec.drift.search import find

__all__ = [
    "Drift",
    "Finding",
    "Kind",
    "Severity",
    "UnitDrift",
    "as_json",
    "as_markdown",
    "compare",
    "find",
    "summary",
    "write_log",
]
