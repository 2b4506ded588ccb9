"""Section 4: classes with their fields, constants, and how the classes hang together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nightwork.markdown import fence
from nightwork.module_spec.render.mermaid import Link, class_diagram
from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View, plain
from nightwork.module_spec.render.words import code, counted, cut, foremost, listed
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind

_HOLDERS = (SymbolKind.CLASS, SymbolKind.INTERFACE, SymbolKind.TYPE)
_DULL = frozenset({"object", "Protocol", "ABC", "Generic", "Exception"})
_NAME = re.compile(r"[^\W\d]\w*")
_BASE = re.compile(r"[*\s]*([\w.$]*)")
_KEYWORD = re.compile(r"\s*(?:\w+\s*=|\*\*)")
_MOST_SIGNATURE = 4_000


def data_structures(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section."""
    found = False
    files = [
        one
        for one in view.skeletons
        if any(each.kind in (SymbolKind.FIELD, SymbolKind.CONSTANT) for each in one.symbols)
    ]
    for skeleton in files[: room(20)]:
        if len(view.skeletons) > 1:
            yield f"{code(skeleton.path)}:"
        for block in (
            *_classes(skeleton, room(90) // min(len(files), 20)),
            *_constants(skeleton, room(36) // min(len(files), 20)),
        ):
            found = True
            yield block
    if len(files) > room(20):
        yield f"And {counted(len(files) - room(20), 'more file')} with fields or constants."
    if not found:
        yield "It keeps no fields or constants that its text declares."
    yield from _diagram(view.symbols, room)


def _classes(skeleton: Skeleton, most: int) -> Iterator[str]:
    """Yield the classes that declare fields, public ones first, as code."""
    fields: dict[str, list[Symbol]] = {}
    for symbol in skeleton.symbols:
        if symbol.kind == SymbolKind.FIELD:
            fields.setdefault(symbol.name.rpartition(".")[0], []).append(symbol)
    holders = [symbol for symbol in skeleton.symbols if symbol.kind in _HOLDERS and symbol.name in fields]
    entries: list[tuple[int, int, list[str]]] = []
    for holder in holders:
        lines = [f"@{cut(each, 200)}" for each in holder.decorators]
        lines += ["", _line(holder)][bool(lines) :]
        lines += [f"    {_line(each)}" for each in fields[holder.name][:30]]
        lines += [f"    ... {len(fields[holder.name]) - 30} more"] if len(fields[holder.name]) > 30 else []
        entries.append((0 if holder.is_public else 1, len(lines) + 1, lines))
    kept, left = foremost(entries, max(12, most))
    if kept:
        yield fence("\n\n".join("\n".join(lines).strip("\n") for lines in kept), skeleton.language)
    if left:
        yield f"And {counted(len(left), 'more class')} with fields."


def _constants(skeleton: Skeleton, most: int) -> Iterator[str]:
    constants = [symbol for symbol in skeleton.symbols if symbol.kind == SymbolKind.CONSTANT]
    if not constants:
        return
    kept, left = foremost([(0 if each.is_public else 1, 1, each) for each in constants], max(4, most))
    yield fence("\n".join(map(_line, kept)), skeleton.language)
    if left:
        yield f"And {counted(len(left), 'more constant')}: {listed([plain(each.name) for each in left], 20)}."


def _line(symbol: Symbol) -> str:
    return cut(" ".join(symbol.signature.split()) or symbol.name, 160)


def _diagram(symbols: Sequence[Symbol], room: Room) -> Iterator[str]:
    classes = {each.name: each for each in symbols if each.kind in _HOLDERS}
    bases = [
        Link(name, base) for name, each in classes.items() for base in bases_of(each.signature) if base not in _DULL
    ]
    uses = [
        Link(owner, used)
        for each in symbols
        if each.kind == SymbolKind.FIELD and (owner := each.name.rpartition(".")[0]) in classes
        for used in dict.fromkeys(_NAME.findall(each.signature[:300].partition("=")[0].partition(":")[2]))
        if used in classes and used != owner
    ]
    is_telling = uses or any(link.target in classes for link in bases) or len(bases) > 3
    if len(bases) + len(uses) < 2 or not is_telling:
        return
    drawing, left = class_diagram(bases, uses, room(20))
    more = f", without {counted(left, 'class')} more" if left else ""
    yield f"How they hang together (hollow arrows point to bases, others to what a field holds){more}:"
    yield drawing


def bases_of(signature: str) -> list[str]:
    """Return the names of a class's bases as written, arguments in brackets and keywords left out."""
    text = _without_parameters(signature[:_MOST_SIGNATURE])
    if text.startswith("class ") and text.rstrip(": ").endswith(")"):
        parts = _split(text.partition("(")[2].rstrip(": ")[:-1])
        return [name for part in parts if not _KEYWORD.match(part) and (name := _base(part))]
    extends, _, implements = text.partition(" implements ")
    parts = [*_split(extends.partition(" extends ")[2]), *_split(implements)]
    return [name for part in parts if (name := _base(part))]


def _base(part: str) -> str:
    found = _BASE.match(part)
    return found[1] if found else ""


def _without_parameters(text: str) -> str:
    """Take out the type parameters behind a class's name."""
    start = next((at for at, character in enumerate(text) if character in "[<(" or text.startswith(" extends ", at)), 0)
    if text[start : start + 1] not in {"[", "<"}:
        return text
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "[<(") - (text[at] in "]>)")
        if depth == 0:
            return text[:start] + text[at + 1 :]
    return text


def _split(text: str) -> list[str]:
    """Split at the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "([{<":
            depth += 1
        elif character in ")]}>":
            depth -= 1
        elif character == "," and depth <= 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
