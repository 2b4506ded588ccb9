"""Drift as a Markdown log, as JSON, and in one sentence; everything in it comes from hostile files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from nightwork.files import write_atomically
from nightwork.markdown import escape, storable, table
from nightwork.module_spec.document.written import refuse_odd_folders
from nightwork.module_spec.drift.finding import Drift, Finding, Severity, UnitDrift
from nightwork.module_spec.source.units import LOGS

_LONGEST = 500


def write_log(drift: Drift, root: Path, now: datetime) -> Path:
    """Write a log below `drift-logs/` of a project; returns its path. The latest of one second wins.

    Raises BadInput where a link or a file stands in the place of that folder.
    """
    refuse_odd_folders(root, (LOGS,))
    path = root / LOGS / f"drift-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.md"
    write_atomically(path, as_markdown(drift, now))
    return path


def as_markdown(drift: Drift, now: datetime) -> str:
    """Return the log: a table for each module, the most severe changes first."""
    lines = [f"# Drift, {now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", "", summary(drift) + "."]
    for unit in drift.units:
        lines += ["", f"## {escape(unit.unit)}", "", *_about(unit)]
        lines.append(table(("severity", "kind", "where", "name", "what changed"), _rows(unit)))
        lines += _signatures(unit)
    return storable("\n".join([*lines, ""]))


def _about(unit: UnitDrift) -> list[str]:
    return [f"Spec: {escape(unit.spec)}", ""] if unit.spec else []


def _rows(unit: UnitDrift) -> Iterator[tuple[str, ...]]:
    for each in unit.findings:
        yield each.severity, spoken(each), where(each), each.name, shortened(each.text)


def _signatures(unit: UnitDrift) -> list[str]:
    changed = [each for each in unit.findings if each.before and each.after and each.before != each.after]
    rows = [(each.name, shortened(each.before), shortened(each.after)) for each in changed]
    return ["", table(("name", "before", "now"), rows)] if rows else []


def as_json(drift: Drift) -> str:
    """Return the document of `nightwork drift --json`, in ASCII."""
    counts = drift.counts()
    document = {
        "schema_version": 1,
        "specs": drift.specs,
        "noise": drift.noise,
        "counts": {severity: counts[severity] for severity in Severity},
        "units": [asdict(unit) for unit in drift.units],
    }
    return json.dumps(document, indent=1)


def summary(drift: Drift) -> str:
    """Return what was found in one sentence, without a full stop."""
    counts = drift.counts()
    told = ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])
    found = f"{told} in {_counted(len(drift.units), 'module')}" if told else "no drift"
    noise = f"; {_counted(drift.noise, 'file')} changed in form only" if drift.noise else ""
    return f"{_counted(drift.specs, 'spec')} read: {found}{noise}"


def where(finding: Finding) -> str:
    """Return the place of a finding in today's code."""
    return f"{finding.path}:{finding.line}" if finding.line else finding.path


def spoken(finding: Finding) -> str:
    """Return a finding's kind in words."""
    return finding.kind.replace("_", " ")


def shortened(text: str) -> str:
    """Return a text that fits a cell."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
