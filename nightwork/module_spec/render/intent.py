"""Section 1: what the unit is for, in its own words, a model's, or by what it defines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View
from nightwork.module_spec.render.words import code, counted, cut, joined, listed, paragraphs, prose
from nightwork.module_spec.skeleton import Skeleton, Symbol, SymbolKind

_NOUNS = {
    SymbolKind.CLASS: "class",
    SymbolKind.INTERFACE: "interface",
    SymbolKind.TYPE: "type",
    SymbolKind.FUNCTION: "function",
    SymbolKind.CONSTANT: "constant",
}
_LANGUAGES = {"python": "Python", "typescript": "TypeScript", "javascript": "JavaScript"}


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
    documented = [skeleton for skeleton in view.skeletons if skeleton.docstring]
    if view.answer and documented:
        yield f"Its own words: {prose(documented[0].docstring.split(chr(10) * 2)[0], 600)}"
    elif documented:
        yield from paragraphs(documented[0].docstring, room(16))
        for skeleton in documented[1 : room(12)]:
            yield f"{code(skeleton.path)}: {prose(skeleton.docstring.split(chr(10) * 2)[0], 300)}"
    elif not view.answer:
        yield _from_names(view)
    yield _size(view)


def purpose(view: View) -> str:
    """Return in one plain line what the unit is for; not Markdown."""
    if view.answer:
        return view.answer.purpose
    for skeleton in view.skeletons:
        if skeleton.docstring:
            return cut(" ".join(skeleton.docstring.split("\n\n")[0].split()), 200)
    shown = [symbol.name for symbol in _top(view) if symbol.is_public and symbol.kind != SymbolKind.CONSTANT]
    if view.errors:
        return "cannot be parsed"
    names = ", ".join(shown[:4]) + (f" and {len(shown) - 4:,} more" if len(shown) > 4 else "")
    return f"defines {names}" if shown else "defines nothing public"


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
    first = f" {code(said.name)}: {prose(said.summary, 300)}" if said else ""
    return f"It has no docstring; it defines {joined(parts)}.{first}{_passed_on(view.skeletons)}"


def _passed_on(skeletons: tuple[Skeleton, ...]) -> str:
    sources = list(
        dict.fromkeys("." * each.level + each.module for one in skeletons for each in one.imports if each.names)
    )
    if not all(one.path.endswith(("__init__.py", "index.ts", "index.js")) for one in skeletons) or not sources:
        return ""
    return f" It passes on names from {listed(sources, 8)}."


def _size(view: View) -> str:
    lines = sum(skeleton.lines for skeleton in view.skeletons)
    languages = joined(sorted({_LANGUAGES.get(one.language, one.language) for one in view.skeletons}))
    kinds = Counter(symbol.kind for symbol in _top(view) if symbol.is_public)
    parts = [counted(kinds[kind], f"public {noun}") for kind, noun in _NOUNS.items() if kinds[kind]]
    files = f" in {counted(len(view.skeletons), 'file')}" if len(view.skeletons) > 1 else ""
    tail = f": {joined(parts)}" if parts else ", nothing public"
    generated = " It says of itself that it is generated." if any(one.is_generated for one in view.skeletons) else ""
    return f"{counted(lines, 'line')} of {languages}{files}{tail}.{generated}"


def _top(view: View) -> list[Symbol]:
    return [symbol for symbol in view.symbols if "." not in symbol.name]
