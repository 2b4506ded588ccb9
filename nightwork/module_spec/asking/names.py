"""Every name in backquotes that a model writes is looked up: what is found nowhere in the code is marked as that."""

from __future__ import annotations

import builtins
import functools
import keyword
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from annotated_types import MaxLen
from pydantic import BaseModel

from nightwork.module_spec.asking.answer import Answer
from nightwork.module_spec.source.skeleton import Skeleton

M = TypeVar("M", bound=BaseModel)

# Characters: a source of ten million and an answer of ten thousand names would take minutes.
_MOST_SEARCHED = 500_000_000
NOT_FOUND = " (not found in the code)"
_SPAN = re.compile(r"`([^`]+)`")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_ARGUMENTS = re.compile(r"(?<=\w)\([^()]*\)?")
_TYPESCRIPT = """
Array ArrayBuffer Awaited BigInt Boolean Buffer DataView Date Error Exclude Extract Function Infinity Intl
JSON Map Math NaN NonNullable Number Object Omit Parameters Partial Pick Promise Proxy Readonly Record Reflect
RegExp Required ReturnType Set String Symbol Uint8Array WeakMap WeakSet abstract any async await bigint
boolean break case catch class console const constructor continue debugger declare default delete do document
else enum export extends false finally for function get globalThis if implements import in infer instanceof
interface is keyof let module namespace never new null number object of private process prototype protected
public readonly require return satisfies set static string super switch symbol then this throw true try type
typeof undefined unique unknown var void while window with yield
"""


@dataclass(frozen=True)
class Known:
    """The names that one unit's answer may write: those of the project, and all that its own source holds."""

    project: frozenset[str]
    source: str

    @functools.cached_property
    def own(self) -> frozenset[str]:
        """Return the identifiers of the unit's source."""
        return frozenset(_IDENTIFIER.findall(self.source))

    def has(self, identifier: str) -> bool:
        """Say whether a single identifier is one of the project's, of its source's, or of the language's."""
        return identifier in self.own or identifier in self.project or identifier in _language()


def project_names(skeletons: Iterable[Skeleton], external: Iterable[str] = ()) -> frozenset[str]:
    """Return every identifier that skeletons tell of: names, parameters, types, errors, imports, parts of paths.

    `external` are packages outside of the project.
    """
    found = set(_identifiers(external))
    for skeleton in skeletons:
        found.update(_identifiers([skeleton.path, *(skeleton.exports or ())]))
        for imported in skeleton.imports:
            found.update(_identifiers([imported.module, *imported.names]))
        for symbol in skeleton.symbols:
            errors = (raised.error for raised in symbol.raises)
            found.update(_identifiers([symbol.name, symbol.signature, *symbol.decorators, *symbol.calls, *errors]))
    return frozenset(found)


def unknown_names(answer: Answer, known: Known) -> tuple[str, ...]:
    """Return what stands in backquotes and is found nowhere, and described names that there are not, each once."""
    spans = [span for text in _texts(answer) for span in _SPAN.findall(text)]
    names = dict.fromkeys([*spans, *(described.name for described in answer.interface)])
    doubtful = [name for name in names if not _has_known_parts(name, known)]
    searched = _MOST_SEARCHED // (len(known.source) + 1) + 1
    return tuple(name for place, name in enumerate(doubtful) if place >= searched or name.strip() not in known.source)


def mark_unknown(answer: Answer, unknown: Iterable[str]) -> Answer:
    """Return the answer with unknown names out of their backquotes and marked; what describes one is left out."""
    names = frozenset(unknown)

    def marked(found: re.Match[str]) -> str:
        return f"{found[1]}{NOT_FOUND}" if found[1] in names else found[0]

    def mark(part: M) -> M:
        texts = {key: _SPAN.sub(marked, text) for key, text in part if isinstance(text, str) and key != "name"}
        return part.model_copy(update={key: _clipped(type(part), key, text) for key, text in texts.items()})

    lists = {key: tuple(map(mark, parts)) for key, parts in answer if isinstance(parts, tuple)}
    described = tuple(each for each in lists["interface"] if each.name not in names)
    return mark(answer).model_copy(update={**lists, "interface": described})


def _clipped(model: type[BaseModel], key: str, text: str) -> str:
    """Return a text that a mark made longer than its field may be, cut to what it may be."""
    most = next(each.max_length for each in model.model_fields[key].metadata if isinstance(each, MaxLen))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _has_known_parts(name: str, known: Known) -> bool:
    name = _ARGUMENTS.sub("", _QUOTED.sub("", name))
    return all(known.has(identifier) for identifier in _IDENTIFIER.findall(name))


def _identifiers(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _IDENTIFIER.findall(text)


@functools.cache
def _language() -> frozenset[str]:
    python = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}
    methods = {name for kind in (str, bytes, int, float, list, dict, set, tuple) for name in dir(kind)}
    return frozenset({*python, *methods, *_TYPESCRIPT.split(), "self", "cls", "args", "kwargs"})


def _texts(answer: Answer) -> Iterator[str]:
    lists = (part for _, parts in answer if isinstance(parts, tuple) for part in parts)
    for part in (answer, *lists):
        yield from (text for key, text in part if isinstance(text, str) and key != "name")
