"""All that a spec is written from, and its text made harmless once, before anything is written."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from pydantic import BaseModel

from nightwork.markdown import printable
from nightwork.module_spec.asking.answer import Answer, Statement
from nightwork.module_spec.source.project import Edge, Unit
from nightwork.module_spec.source.skeleton import Skeleton, Symbol
from nightwork.redact import redact

# No section shows more names of a kind. A cycle of 500 modules has 500 views with 500 names each.
_MOST_SHOWN = 100
_NUMBER = re.compile(r"#\d+(?=\.|$)")


@dataclass(frozen=True)
class View:
    """What a spec is written from; the same view gives the same bytes."""

    unit: Unit
    skeletons: tuple[Skeleton, ...]
    needs: tuple[Edge, ...] = ()
    needed_by: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    cycle: tuple[str, ...] = ()  # the units of its cycle, itself included
    answer: Answer | None = None
    model: str = "none"
    degraded: str = ""  # why there is no answer although a model was asked
    content_key: str = ""
    made_with: str = ""
    is_truncated: bool = False  # the model did not see all of the source
    updated: str = ""  # a date
    interface: str = ""  # what dependents are shown

    @functools.cached_property
    def symbols(self) -> list[Symbol]:
        """Every symbol of the unit, file after file, under the name that its readers know."""
        return [
            replace(symbol, name=plain(symbol.name)) if "#" in symbol.name else symbol
            for skeleton in self.skeletons
            for symbol in skeleton.symbols
        ]

    @property
    def errors(self) -> list[Skeleton]:
        """The files that could not be parsed."""
        return [skeleton for skeleton in self.skeletons if skeleton.error]


def plain(name: str) -> str:
    """Return a name without the number that tells overloads, or the halves of a property, from each other."""
    return _NUMBER.sub("", name)


def is_overload(symbol: Symbol) -> bool:
    """Say whether a symbol is but a signature, for type checkers, of a function that follows."""
    return any(each.rpartition(".")[2] == "overload" for each in symbol.decorators)


def statements(answer: Answer) -> Iterator[Statement]:
    """Yield everything that a model said in sections of statements."""
    yield from answer.business_logic
    yield from answer.data_structures
    yield from answer.constraints
    yield from answer.edge_cases
    yield from answer.technical_debt
    yield from answer.test_coverage


def cleaned(view: View) -> View:
    """Return a view whose texts have no secret, no control or unseen character, and can be written as UTF-8.

    Looked for once in all texts together: nearly all views are clean, and looking at each text takes 20 times as long.
    """
    text = "\n".join(_texts(view))
    if clean(text) == text:
        return view
    changed: View = _cleaned(view)
    return changed


def _texts(view: View) -> Iterator[str]:
    yield from (view.unit.path, view.degraded, view.model, view.interface)
    for edge in view.needs:
        yield edge.target
        yield from edge.names
    for names in (view.unit.files, view.external, view.needed_by, view.tests, view.cycle):
        yield from names[:_MOST_SHOWN]
    if view.answer:
        yield view.answer.model_dump_json()
        yield from (f"{each.text}\n{each.inferred_from}" for each in statements(view.answer))
        yield from (
            view.answer.purpose,
            view.answer.intent,
            *(f"{each.name}: {each.text}" for each in view.answer.interface),
        )
    for skeleton in view.skeletons:
        yield from (skeleton.error, skeleton.docstring, *(skeleton.exports or ()))
        for symbol in skeleton.symbols:
            yield from (symbol.name, symbol.signature, symbol.summary, *symbol.decorators)
            for raised in symbol.raises:
                yield from (raised.error, raised.condition)
        for marker in skeleton.markers:
            yield from (marker.word, marker.text)
        for each in skeleton.imports:
            yield from (each.module, *each.names)


def clean(text: str) -> str:
    """Return a text without secrets, control and unseen characters, that can be written as UTF-8."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return redact(printable(text))


def _cleaned(value: Any) -> Any:
    """Return a value of plain data with each text cleaned."""
    if type(value) is str:
        return clean(value)
    if isinstance(value, tuple):
        return tuple(map(_cleaned, value))
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _cleaned(each) for name, each in value})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _cleaned(getattr(value, each.name)) for each in fields(value)})
    return value
