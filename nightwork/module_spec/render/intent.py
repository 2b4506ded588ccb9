"""Section 1: what the unit is for, in its own words, a model's, or by what it defines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View, plain
from nightwork.module_spec.render.words import (
    UNDERLINE,
    bounded,
    code,
    counted,
    cut,
    first_sentences,
    joined,
    language_name,
    listed,
    named,
    paragraphs,
    prose,
)
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind

_NOUNS = {
    SymbolKind.CLASS: "class",
    SymbolKind.INTERFACE: "interface",
    SymbolKind.TYPE: "type",
    SymbolKind.FUNCTION: "function",
    SymbolKind.CONSTANT: "constant",
}
_STANDING = ("__init__.py", "index.ts", "index.js", "index.tsx")  # what speaks for its whole folder


def intent(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section."""
    for skeleton in view.errors:
        yield (
            f"{code(skeleton.path)} could not be parsed ({prose(skeleton.error, 300)})."
            " What is told of it was found by its text alone."
        )
    if view.answer:
        yield f"**{prose(view.answer.purpose) or 'No purpose told.'}**"
        yield from paragraphs(view.answer.intent, room(12))
    own = _own_words(view)
    if view.answer and own:
        yield f"Its own words: {prose(_first_paragraph(own), 600)}"
    elif own:
        yield from paragraphs(own, room(16))
    elif not view.answer and not view.unit.is_package:
        yield _from_names(view)
    if view.unit.is_package:
        yield from _of_files(view.skeletons, room(30))
    yield _size(view)


def purpose(view: View) -> str:
    """Return in one plain line what the unit is for; not Markdown."""
    if view.answer:
        return view.answer.purpose
    if own := _own_words(view):
        return cut(_first_paragraph(own), 200)
    if view.unit.is_package:
        files = [one.path.rpartition("/")[2] for one in view.skeletons if one.symbols]
        return f"{counted(len(files), 'file')}: {_few(files, 5)}" if files else "holds no code"
    shown = [symbol.name for symbol in _top(view) if symbol.is_public and symbol.kind != SymbolKind.CONSTANT]
    if view.errors:
        return "cannot be parsed"
    if shown:
        return f"defines {_few(shown, 4)}"
    constants = [symbol.name for symbol in _top(view) if symbol.is_public]
    passed_on = [name for one in view.skeletons for name in one.exports or ()]
    if constants or passed_on:
        return f"defines the constants {_few(constants, 4)}" if constants else f"passes on {_few(passed_on, 4)}"
    return "defines nothing public" if view.symbols else "holds no code of its own"


def _few(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _own_words(view: View) -> str:
    """Return the docstring of a file, or that of the file which stands for its package."""
    standing = (
        [one for one in view.skeletons if one.path.endswith(_STANDING)] if view.unit.is_package else view.skeletons
    )
    return next((one.docstring for one in standing if one.docstring.strip()), "")


def _first_paragraph(docstring: str) -> str:
    lines = docstring.strip().split("\n\n")[0].split("\n")
    return " ".join(" ".join(line for line in lines if not UNDERLINE.fullmatch(line.strip())).split())


def _of_files(skeletons: Sequence[Skeleton], most: int) -> Iterator[str]:
    """Yield in a list what each file of a package is for."""
    items = []
    for one in skeletons:
        names = list(dict.fromkeys(plain(each.name) for each in one.symbols if each.is_public and "." not in each.name))
        told = prose(first_sentences(_first_paragraph(one.docstring), 200)) if one.docstring.strip() else ""
        if told or names:
            items.append(f"{code(one.path.rpartition('/')[2])}: {told or f'defines {listed(names, 4)}'}")
    if items:
        yield "Its files:"
        yield bounded(items, most, "file")


def _from_names(view: View) -> str:
    """Say what a unit without a docstring is for, from the names and first lines of what it defines."""
    top = _top(view)
    shown = [symbol for symbol in top if symbol.is_public] or top
    if not top:
        return f"It has no docstring and defines nothing.{_passed_on(view.skeletons)}"
    parts = []
    for kind, noun in _NOUNS.items():
        names = [symbol.name for symbol in shown if symbol.kind == kind]
        if names:
            parts.append(f"the {counted(len(names), noun).split(' ', 1)[1]} {listed(names, 6)}")
    said = next((symbol for symbol in shown if symbol.summary), None)
    first = f" {named(said.name)}: {prose(said.summary, 300)}" if said else ""
    return f"It has no docstring; it defines {joined(parts)}.{first}{_passed_on(view.skeletons)}"


def _passed_on(skeletons: tuple[Skeleton, ...]) -> str:
    sources = list(
        dict.fromkeys("." * each.level + each.module for one in skeletons for each in one.imports if each.names)
    )
    if not all(one.path.endswith(_STANDING) for one in skeletons) or not sources:
        return ""
    return f" It passes on names from {listed(sources, 8)}."


def _size(view: View) -> str:
    lines = sum(skeleton.lines for skeleton in view.skeletons)
    languages = joined(sorted({language_name(one.language) for one in view.skeletons}))
    kinds = Counter(symbol.kind for symbol in _top(view) if symbol.is_public)
    parts = [counted(kinds[kind], f"public {noun}") for kind, noun in _NOUNS.items() if kinds[kind]]
    files = f" in {counted(len(view.skeletons), 'file')}" if len(view.skeletons) > 1 else ""
    tail = f": {joined(parts)}" if parts else ", nothing public"
    generated = " It says of itself that it is generated." if any(one.is_generated for one in view.skeletons) else ""
    return f"{counted(lines, 'line')} of {languages}{files}{tail}.{generated}"


def _top(view: View) -> list[Symbol]:
    """Return what stands at the top level, of several under one name that which says something."""
    top: dict[str, Symbol] = {}
    for symbol in view.symbols:
        if "." not in symbol.name and not (symbol.name in top and top[symbol.name].summary):
            top[symbol.name] = symbol
    return list(top.values())
