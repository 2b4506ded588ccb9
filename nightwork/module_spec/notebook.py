"""What a run of module specs came to, for a notebook: the most important rows first, the rest counted."""

from __future__ import annotations

from collections.abc import Iterator

from nightwork.module_spec.result import BatchResult
from nightwork.webpage import summary, table

_MOST = 30


def fragment(result: BatchResult) -> str:
    """Return every module with what came of it: first those that a person may want to do something about."""
    return summary("specs", [result.told(), *_cost(result)], table(("module", "", "why"), _modules(result), _MOST))


def _cost(result: BatchResult) -> Iterator[str]:
    if result.cost_usd or result.input_tokens:
        tokens = f"{result.input_tokens:,} tokens in, {result.output_tokens:,} out"
        yield f"{result.model}: ${result.cost_usd:.4f}, {tokens}"


def _modules(result: BatchResult) -> Iterator[tuple[str, str, str]]:
    aborted, stale, edited = map(frozenset, (result.aborted, result.stale, result.edited))
    for each in sorted(result.failed, key=lambda each: each.path in aborted):
        yield each.path, "✗ aborted" if each.path in aborted else "✗ failed", each.reason
    yield from ((path, "⚠ degraded", "made from the syntax tree alone") for path in result.degraded)
    yield from ((path, "⚠ stale", "update=True writes it anew") for path in result.stale)
    yield from ((path, "⚠ edited", "by a person, and left as it is") for path in result.edited)
    yield from ((path, "⚠ orphaned", "its module is gone; update=True removes the spec") for path in result.orphaned)
    yield from ((path, "removed", "its module is gone") for path in result.removed)
    yield from ((path, "✓ written", "") for path in result.successful)
    yield from ((path, "– unchanged", "") for path in result.skipped if path not in stale | edited)
