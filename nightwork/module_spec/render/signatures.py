"""Section 2: the public signatures to the letter, each with what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nightwork.markdown import fence
from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View, plain
from nightwork.module_spec.render.words import code, counted, cut, first_sentences, foremost, listed
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind

_TITLES = (SymbolKind.CLASS, SymbolKind.INTERFACE, SymbolKind.FUNCTION, SymbolKind.TYPE)
_LONGEST = 4_000  # characters of a signature; none that a person wrote is longer
_VARIABLES = (SymbolKind.FIELD, SymbolKind.CONSTANT)


def interface(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section: per file its public classes, functions and types."""
    described = {each.name: each.text for each in view.answer.interface} if view.answer else {}
    shown = [skeleton for skeleton in view.skeletons if any(_is_shown(symbol) for symbol in skeleton.symbols)]
    for skeleton in shown[: room(40)]:
        if len(view.skeletons) > 1:
            yield f"{code(skeleton.path)}:"
        yield from _of_file(skeleton, described, room(170) // min(len(shown), room(40)))
    if len(shown) > room(40):
        yield f"And {counted(len(shown) - room(40), 'more file')} with public names."
    variables = [symbol for symbol in view.symbols if symbol.is_public and symbol.kind == SymbolKind.CONSTANT]
    if not shown:
        yield "It offers no classes or functions to others."
    if variables:
        yield f"{counted(len(variables), 'public constant')}, told under Data Structures."
    yield from _passed_on(view)


def _is_shown(symbol: Symbol) -> bool:
    return symbol.is_public and symbol.kind not in _VARIABLES


def _of_file(skeleton: Skeleton, described: Mapping[str, str], most: int) -> Iterator[str]:
    comment = "#" if skeleton.language == "python" else "//"
    entries: list[tuple[int, int, list[str]]] = []
    names: list[str] = []
    for symbol in skeleton.symbols:
        if not _is_shown(symbol):
            continue
        depth = symbol.name.count(".")
        said = symbol.summary or described.get(symbol.name, "")
        lines = [f"{comment} {first_sentences(said, 160)}"] if said else []
        lines += [f"@{cut(each, 200)}" for each in symbol.decorators if symbol.kind != SymbolKind.FUNCTION]
        lines.append(cut(" ".join(symbol.signature.split()), _LONGEST) or cut(symbol.name, _LONGEST))
        lines = [f"{'    ' * min(depth, 8)}{line}" for line in lines]
        lines = ["", *lines] if depth == 0 else lines
        entries.append((_rank(symbol), len(lines), lines))
        names.append(plain(symbol.name))
    kept, left = foremost(entries, max(8, most))
    text = "\n".join(line for lines in kept for line in lines).strip("\n")
    yield fence(text, skeleton.language)
    if left:
        gone = {id(lines) for lines in left}
        missing = [name for name, (_, _, lines) in zip(names, entries, strict=True) if id(lines) in gone]
        yield f"And {counted(len(missing), 'more name')}: {listed(missing, 30)}."


def _rank(symbol: Symbol) -> int:
    """Order by importance: what stands at the top level, then members with words of their own, then the others."""
    if symbol.kind in _TITLES and "." not in symbol.name:
        return 0
    return 1 if symbol.summary else 2


def _passed_on(view: View) -> Iterator[str]:
    for skeleton in view.skeletons:
        own = {symbol.name for symbol in skeleton.symbols}
        others = [name for name in skeleton.exports or () if name not in own]
        if others:
            yield f"{code(skeleton.path)} passes on {listed(others, 40)}."
