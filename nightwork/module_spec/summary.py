"""The log of one batch of module specs: what became of every module, and what it cost (batch-module-contract.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from nightwork.files import write_atomically
from nightwork.markdown import escape
from nightwork.module_spec.result import BatchResult
from nightwork.redact import redact


def summary_log_name(now: datetime) -> str:
    """Return the name of the log of a batch that ended at an aware time."""
    return f"batch-summary-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.md"


def write_summary_log(summary: BatchResult, output_path: str | Path) -> None:
    """Write the log, whole or not at all."""
    write_atomically(Path(output_path), summary_text(summary))


def summary_text(summary: BatchResult) -> str:
    """Return the log as Markdown."""
    return "\n".join([*_lines(summary), ""]).encode("utf-8", "replace").decode("utf-8")


def _lines(summary: BatchResult) -> Iterator[str]:
    yield from ("# Module specs: batch summary", "")
    if summary.aborted:
        yield from ("The batch ended early; the same command goes on. Everything written so far is whole.", "")
    yield from ("| modules | count |", "| --- | ---: |", f"| total | {summary.total_modules:,} |")
    for title, paths in _lists(summary):
        yield f"| {title} | {len(paths):,} |"
    yield f"| of the skipped: stale | {len(summary.stale):,} |"
    if summary.aborted:
        yield f"| of the failed: aborted | {len(summary.aborted):,} |"
    yield ""
    yield f"Duration: {summary.duration_ms / 1000:,.1f} s. Model: {_shown(summary.model)}."
    if summary.input_tokens or summary.output_tokens or summary.cost_usd:
        yield (f"Tokens: {summary.input_tokens:,} in, {summary.output_tokens:,} out. Cost: ${summary.cost_usd:,.4f}.")
    if summary.failed:
        yield from ("", "## failed", "", "| module | attempts | reason |", "| --- | ---: | --- |")
        for each in summary.failed:
            yield f"| {_shown(each.path)} | {each.attempts} | {_shown(each.reason[:1_000])} |"
    beside = [("stale", summary.stale), ("edited", summary.edited), ("removed", summary.removed)]
    for title, paths in [*_lists(summary), *beside]:
        if paths and title != "failed":
            yield from ("", f"## {title}", "", *(f"- {_shown(path)}" for path in paths))


def _lists(summary: BatchResult) -> list[tuple[str, Sequence[str]]]:
    return [
        ("successful", summary.successful),
        ("degraded", summary.degraded),
        ("skipped", summary.skipped),
        ("failed", [each.path for each in summary.failed]),
    ]


def _shown(text: str) -> str:
    """Redact before escaping: backslashes inside a secret hide it."""
    return escape(redact(text))
