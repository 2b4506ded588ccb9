"""Sections 7 and 8: what will cost somebody time, and what the tests hold on to."""

from __future__ import annotations

from collections.abc import Iterator

from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View
from nightwork.module_spec.render.words import bounded, code, counted, joined, listed, named, prose
from nightwork.module_spec.source.skeleton import Symbol, SymbolKind

COMPLEX = 10  # where McCabe's own paper, and most linters, draw the line
LONG = 60
_SPOKEN_FOR = (SymbolKind.CLASS, SymbolKind.FUNCTION, SymbolKind.METHOD, SymbolKind.PROPERTY, SymbolKind.INTERFACE)


def technical_debt(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section."""
    symbols = view.symbols
    items = [f"{code(each.path)} cannot be parsed: {prose(each.error, 300)}" for each in view.errors]
    items += [f"**{each.word}** {prose(each.text, 300)}" for one in view.skeletons for each in one.markers]
    complicated = [(each, each.complexity) for each in symbols if each.complexity > COMPLEX]
    long = [
        (each, each.lines)
        for each in symbols
        if each.lines > LONG and each.kind not in (SymbolKind.CLASS, SymbolKind.CONSTANT)
    ]
    items += _most("Cyclomatic complexity above 10", complicated, room)
    items += _most(f"Longer than {LONG} lines", long, room)
    items += _undocumented(symbols)
    items += ["No test file imports it."] if not view.tests and _has_code(view) else []
    items += (
        [f"Part of an import cycle of {len(view.cycle)} modules (see Dependencies)."] if len(view.cycle) > 1 else []
    )
    yield bounded(items, room(30), "point") if items else "None that the code shows."


def test_coverage(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section: the test files that import the unit."""
    if not view.tests:
        yield "No test file imports it." if _has_code(view) else "There is nothing to test."
        return
    yield f"Imported by {counted(len(view.tests), 'test file')}:"
    yield bounded([code(path) for path in view.tests], room(20), "test file")


def _most(title: str, found: list[tuple[Symbol, int]], room: Room) -> list[str]:
    if not found:
        return []
    ranked = sorted(found, key=lambda each: (-each[1], each[0].name))
    parts = [f"{named(symbol.name)} ({number})" for symbol, number in ranked[: room(12)]]
    return [f"{title}: {joined(parts, len(ranked) - len(parts))}."]


def _undocumented(symbols: list[Symbol]) -> list[str]:
    public: dict[str, bool] = {}
    for each in symbols:
        if each.is_public and each.kind in _SPOKEN_FOR and not each.name.rpartition(".")[2].startswith("__"):
            public[each.name] = public.get(each.name, False) or each.documented or bool(each.summary)
    without = [name for name, is_documented in public.items() if not is_documented]
    if not without:
        return []
    return [f"{len(without)} of {counted(len(public), 'public name')} without a docstring: {listed(without, 12)}."]


def _has_code(view: View) -> bool:
    return any(each.kind != SymbolKind.CONSTANT for each in view.symbols)
