"""The words and numbers of a review, said alike in every form; what they return is printable, not yet escaped."""

from __future__ import annotations

import math

from nightwork.gate_settings import Measure
from nightwork.gates.judgement import Flag, GateStatus
from nightwork.markdown import printable
from nightwork.metrics import Metric
from nightwork.outcome import Status, Verdict
from nightwork.review.document import QueueRow, ReviewDocument
from nightwork.together import Culprit, some


def line(text: object, limit: int = 200) -> str:
    """Return hostile text as one printable line of at most `limit` characters."""
    joined = " ".join(printable(str(text)).split())
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"


def unconfined(document: ReviewDocument) -> tuple[str, ...]:
    """Return a warning when agents and gates were not confined."""
    told = "no sandbox: agents and gates ran with the rights and the network of who started the batch"
    return (told,) if document.sandbox == "unconfined" else ()


def spaced(name: str) -> str:
    """Return a fixed word as people read it: `tests changed`."""
    return line(name).replace("_", " ")


def flags(row: QueueRow) -> list[str]:
    """Return the flags, without the one that the number of security findings says already."""
    told = Flag.SECURITY_FINDING if any(row.findings.values()) else None
    return [spaced(flag).replace("ci ", "CI ") for flag in row.flags if flag is not told]


def remarks(row: QueueRow, most: int) -> list[str]:
    """Return where flags were found, the first few, and how many there are more."""
    shown = [line(remark, 160) for remark in row.remarks[:most]]
    more = len(row.remarks) - most
    return [*shown, f"{number_of(more, 'remark')} more"] if more > 0 else shown


def score(value: float | None) -> str:
    """Return a score with at most one decimal, rounded down: 79.98 is no 80."""
    return "n/a" if value is None else f"{math.floor(value * 10 + 1e-6) / 10:g}"


def money(cost_usd: float) -> str:
    """Return an amount of dollars; what is less than a cent is not told as nothing."""
    if 0 < cost_usd < 0.01:
        return "<$0.01"
    return f"${cost_usd:,.2f}"


def duration(minutes: int) -> str:
    """Return minutes as `45 min` or `2 h 05 min`."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"


def number_of(count: int, noun: str) -> str:
    """Return a count with its noun: `1 file`, `2 files`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size(row: QueueRow) -> str:
    """Return how much changed: `4 files +120 -30`."""
    return f"{number_of(row.files, 'file')} +{row.added} -{row.deleted}"


def security(row: QueueRow) -> str:
    """Return what is known of security: OK, the number of findings, or why neither can be said."""
    statuses = {gate.status for gate in row.gates if gate.measures is Measure.SECURITY}
    if found := sum(row.findings.values()):
        return str(found)
    if GateStatus.FAILED in statuses:
        return "vetoed"
    if GateStatus.NOT_RUN in statuses:
        return "not run"
    return "OK" if statuses else "no gate"


def mark(row: QueueRow) -> str:
    """Return the row's sign: ✓ ready, ✗ vetoed, ⚠ anything else."""
    if row.ready:
        return "✓"
    return "✗" if row.verdict is Verdict.VETOED else "⚠"


def findings(row: QueueRow) -> str:
    """Return the security findings by severity: `1 high, 2 low`."""
    return ", ".join(f"{count} {severity}" for severity, count in row.findings.items() if count)


def metric_value(metric: Metric) -> str:
    """Return a number with its unit; `not known yet` for None."""
    if metric.value is None:
        return "not known yet"
    return f"{metric.value:.1f}".removesuffix(".0") + ("" if metric.unit == "points" else f" {metric.unit}")


def metric_mark(metric: Metric) -> str:
    """Return whether a target is met, as a sign."""
    return {True: "✓", False: "✗", None: "–"}[metric.met]


def counted(document: ReviewDocument) -> list[tuple[str, int]]:
    """Return the counts that are not zero, in the order of the statuses, finished work first."""
    order = sorted(Status, key=lambda status: status in {Status.PENDING, Status.RUNNING})
    return [(status.capitalize(), document.counts[status]) for status in order if document.counts[status]]


def workload(document: ReviewDocument) -> str:
    """Return what a reviewer has to expect: `9 of 12 ready, about 2 h 05 min`."""
    undecided = [row for row in document.queue if row.decision is None]
    if not undecided:
        return "nothing waits for a decision"
    ready = sum(row.ready for row in undecided)
    return f"{ready} of {len(undecided)} ready, about {duration(sum(row.minutes for row in undecided))}"


def together(document: ReviewDocument) -> list[tuple[str, str]]:
    """Return what came of merging all changes, line by line, each with its sign; [] before it was tried."""
    found = document.together
    if found is None:
        return []
    sign = {GateStatus.PASSED: "✓", GateStatus.FAILED: "✗", GateStatus.NOT_RUN: "⚠"}[found.status]
    lines = [(sign if found.total > 1 else "–", found.summary)]
    lines += [("·", f"merge in this order: {', '.join(found.order)}")] if found.order[1:] else []
    lines += [("✗", f"{each.ticket} breaks tests of the others: {broken(each)}") for each in found.culprits]
    return lines + [("✗", f"{each.ticket} {each.reason}") for each in found.left_out]


def broken(culprit: Culprit) -> str:
    """Return the tests that a change breaks, or what its gates say where they name none."""
    return some(culprit.tests) or culprit.detail


def step(text: str) -> tuple[str, str]:
    """Split a next step in its command and what is said of it; a sentence without a command has an empty command."""
    command, comment, said = text.partition("  # ")
    return (line(command), line(said, 400)) if comment else ("", line(text, 400))
