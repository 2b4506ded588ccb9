"""Section 3: where the work is done, and who calls whom inside the unit."""

from __future__ import annotations

from collections.abc import Iterator

from nightwork.module_spec.render.mermaid import Link, flowchart
from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View, is_overload, plain
from nightwork.module_spec.render.words import cell, counted, first_sentences, prose, table
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind

_WORKERS = (SymbolKind.FUNCTION, SymbolKind.METHOD, SymbolKind.PROPERTY)


def business_logic(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section."""
    workers = [symbol for symbol in view.symbols if symbol.kind in _WORKERS and not is_overload(symbol)]
    telling = [symbol for symbol in workers if symbol.complexity > 1 or symbol.calls]
    if not telling:
        yield "No function of it decides or calls another." if workers else "It has no functions."
        return
    shown = sorted(telling, key=lambda each: (-each.complexity, -each.lines, each.name))[: room(14)]
    yield f"The functions that decide most, {len(shown)} of {counted(len(workers), 'function')}:"
    yield "\n".join(table(("function", "what it does", "calls", "complexity", "lines"), map(_row, shown)))
    yield from _calls(view.skeletons, room)


def _row(symbol: Symbol) -> tuple[str, ...]:
    calls = ", ".join(map(cell, symbol.calls[:4])) + (
        f" and {len(symbol.calls) - 4} more" if len(symbol.calls) > 4 else ""
    )
    said = prose(first_sentences(symbol.summary, 140), in_table=True)
    return cell(symbol.name), said, calls, str(symbol.complexity), str(symbol.lines)


def _calls(skeletons: tuple[Skeleton, ...], room: Room) -> Iterator[str]:
    links = [
        Link(plain(symbol.name), called)
        for skeleton in skeletons
        for symbol in sorted(skeleton.symbols, key=lambda each: not each.is_public)
        for called in symbol.calls
        if called != plain(symbol.name)
    ]
    if len(links) < 3:
        return
    drawing, left = flowchart(links, room(20))
    more = f", without {counted(left, 'name')} more" if left else ""
    yield f"Who calls whom{more}:"
    yield drawing
