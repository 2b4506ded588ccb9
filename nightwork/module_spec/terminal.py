"""What a run came to, on a terminal: the counts, and what a person may want to do about them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from nightwork.markdown import one_line
from nightwork.module_spec.result import BatchResult

_SHOWN = 10


def render(result: BatchResult) -> Text:
    """Return the result as people read it; long lists are counted."""
    return Text("\n".join(_lines(result)))


def _lines(result: BatchResult) -> Iterator[str]:
    yield (
        result.told()
        if result.total_modules
        else "no source file was found: Python, TypeScript and JavaScript are read"
    )
    aborted = frozenset(result.aborted)
    failed = [each for each in result.failed if each.path not in aborted]
    yield from _listed("✗ failed", [f"{each.path}: {each.reason}" for each in failed])
    yield from _listed("✗ aborted", _reasons(result), 3)
    yield from _listed("⚠ degraded, made from the syntax tree alone; the next run asks again", result.degraded)
    yield from _listed("⚠ stale; --update writes them anew", result.stale)
    yield from _listed("⚠ edited by a person and left as they are; --force writes them anew", result.edited)
    yield from _listed("removed, for their modules are gone", result.removed)
    yield from _listed("specs of modules that are gone; --update removes them", result.orphaned)
    if result.cost_usd or result.input_tokens:
        tokens = f"{result.input_tokens:,} tokens in, {result.output_tokens:,} out"
        yield f"{one_line(result.model)}: ${result.cost_usd:.4f}, {tokens}"
    if result.aborted:
        yield "the same command goes on where this run ended"
    if result.index_generated:
        yield f"specs/_index.spec.md · {result.summary_log_path} · {result.duration_ms / 1000:.1f} s"


def _reasons(result: BatchResult) -> list[str]:
    """Return why modules are aborted, those of one reason counted, in the order of the result."""
    told = {each.path: each.reason for each in result.failed}
    groups: dict[str, list[str]] = {}
    for path in result.aborted:
        groups.setdefault(told[path], []).append(path)
    return [f"{paths[0] if len(paths) == 1 else f'{len(paths)} modules'}: {why}" for why, paths in groups.items()]


def _listed(heading: str, lines: list[str] | tuple[str, ...], most: int = _SHOWN) -> Iterator[str]:
    if lines:
        yield f"{heading}:"
        yield from (f"  {one_line(line)}" for line in lines[:most])
    if len(lines) > most:
        yield f"  and {len(lines) - most} more"
