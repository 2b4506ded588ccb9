"""The log of one batch of module specs: what became of every module, and what it cost (batch-module-contract.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nightwork.files import write_atomically
from nightwork.markdown import escape
from nightwork.redact import redact


@dataclass(frozen=True)
class FailedModule:
    """A module without a spec of this batch; `attempts` counts the requests to the model."""

    path: str
    reason: str
    attempts: int = 1


@dataclass(frozen=True)
class BatchSummary:
    """What came of a batch: each module in exactly one of the lists, but for `stale`, whose members are skipped too."""

    total: int
    successful: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()  # from the syntax tree alone, for the model failed
    skipped: tuple[str, ...] = ()  # their specs were there
    failed: tuple[FailedModule, ...] = ()
    not_reached: tuple[str, ...] = ()  # the batch ended before them; a resume takes them up
    stale: tuple[str, ...] = ()  # their specs tell of older code; `--update` writes them again
    duration_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    model: str = "none"
    ended: str = ""  # why the batch ended before its end; empty when it did not


def summary_log_name(now: datetime) -> str:
    """Return the name of the log of a batch that ended at an aware time."""
    return f"batch-summary-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.md"


def write_summary_log(summary: BatchSummary, output_path: Path) -> None:
    """Write the log, whole or not at all."""
    text = "\n".join([*_lines(summary), ""])
    write_atomically(output_path, text.encode("utf-8", "replace").decode("utf-8"))


def _lines(summary: BatchSummary) -> Iterator[str]:
    yield from ("# Module specs: batch summary", "")
    if summary.ended:
        yield from (f"The batch ended early: {_shown(summary.ended)}. Everything written so far is whole.", "")
    yield from ("| modules | count |", "| --- | ---: |", f"| total | {summary.total:,} |")
    for title, paths in _lists(summary):
        yield f"| {title} | {len(paths):,} |"
    yield f"| of the skipped: stale | {len(summary.stale):,} |"
    yield ""
    yield f"Duration: {summary.duration_ms / 1000:,.1f} s. Model: {_shown(summary.model)}."
    if summary.input_tokens or summary.output_tokens or summary.cost_usd:
        yield (f"Tokens: {summary.input_tokens:,} in, {summary.output_tokens:,} out. Cost: ${summary.cost_usd:,.4f}.")
    if summary.failed:
        yield from ("", "## failed", "", "| module | attempts | reason |", "| --- | ---: | --- |")
        for each in summary.failed:
            yield f"| {_shown(each.path)} | {each.attempts} | {_shown(each.reason[:1_000])} |"
    for title, paths in [*_lists(summary), ("stale", summary.stale)]:
        if paths and title != "failed":
            yield from ("", f"## {title}", "", *(f"- {_shown(path)}" for path in paths))


def _lists(summary: BatchSummary) -> list[tuple[str, Sequence[str]]]:
    return [
        ("successful", summary.successful),
        ("degraded", summary.degraded),
        ("skipped", summary.skipped),
        ("failed", [each.path for each in summary.failed]),
        ("not reached", summary.not_reached),
    ]


def _shown(text: str) -> str:
    """Redact before escaping: backslashes inside a secret hide it."""
    return escape(redact(text))
