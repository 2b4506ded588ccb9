"""Sections 5 and 6: what callers have to keep to, and what happens at the edges, from what the code raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nightwork.module_spec.asking.answer import Statement
from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View
from nightwork.module_spec.render.words import bounded, code, cut, listed, named, prose
from nightwork.module_spec.source.skeleton import Raised, Symbol, SymbolKind

_VALIDATION = re.compile(
    r"ValueError|TypeError|AssertionError|RangeError|KeyError|\w*(?:Valid|Invalid|BadInput|Improperly)\w*"
)
_LIMIT = re.compile(r"(?:^|_)(?:MAX|MIN|MOST|LIMIT|TIMEOUT|MAXIMUM|MINIMUM)(?:_|$)")
_MAYBE = re.compile(r"\|\s*None\b|\bOptional\[|\bNone\s*\||\|\s*(?:null|undefined)\b")


def constraints(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section: arguments that are refused, limits, what cannot be changed."""
    limits = [each for each in view.symbols if each.kind == SymbolKind.CONSTANT and _LIMIT.search(each.name)]
    frozen = [each.name for each in view.symbols if each.decorators and "frozen=True" in "".join(each.decorators)]
    items = [_sentence(symbol, raised) for symbol, raised in _raised(view) if _is_constraint(raised)]
    items += [f"{code(cut(each.signature, 120))} is a fixed limit." for each in limits]
    items += [f"Instances of {listed(list(dict.fromkeys(frozen)), 12)} cannot be changed."] if frozen else []
    yield (
        bounded(items, room(32), "constraint")
        if items
        else "None that the code states: it refuses no argument by name."
    )


def edge_cases(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section: other errors, what is left to subclasses, what may be nothing."""
    left_open = [symbol.name for symbol, raised in _raised(view) if raised.error == "NotImplementedError"]
    items = [
        _sentence(symbol, raised)
        for symbol, raised in _raised(view)
        if not _is_constraint(raised) and raised.error != "NotImplementedError"
    ]
    maybe = [
        each.name
        for each in view.symbols
        if each.is_public and _MAYBE.search(each.signature.rpartition("->")[2]) and "->" in each.signature
    ]
    items += [f"May return nothing: {listed(list(dict.fromkeys(maybe)), 20)}."] if maybe else []
    items += [f"Left to subclasses: {listed(list(dict.fromkeys(left_open)), 20)}."] if left_open else []
    yield bounded(items, room(26), "edge case") if items else "None that the code states: it raises no error by name."


def said(statements: Iterable[Statement], room: Room) -> Iterator[str]:
    """Yield what a model said for a section, the inferred marked with its reason."""
    items = [
        f"{prose(each.text)} \\[inferred: {prose(each.inferred_from)}\\]" if each.inferred_from else prose(each.text)
        for each in statements
    ]
    if items:
        yield bounded(items, room(40), "statement")
        yield "From the syntax tree:"


def _raised(view: View) -> list[tuple[Symbol, Raised]]:
    """Return what is raised by whom, public names first."""
    symbols = sorted((each for each in view.symbols if each.raises), key=lambda each: not each.is_public)
    found = {(each.name, raised): (each, raised) for each in symbols for raised in each.raises}
    return list(found.values())


def _is_constraint(raised: Raised) -> bool:
    return bool(raised.condition and _VALIDATION.fullmatch(raised.error.rpartition(".")[2]))


def _sentence(symbol: Symbol, raised: Raised) -> str:
    error = code(cut(raised.error, 80)) if raised.error else "what it caught"
    when = f" when {code(cut(raised.condition, 160))}" if raised.condition else ""
    return f"{named(symbol.name)} raises {error}{when}."
