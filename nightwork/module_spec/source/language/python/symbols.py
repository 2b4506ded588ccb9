"""The symbols of a Python file while it is read: what only the whole file tells is added at the end."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nightwork.module_spec.source.language.python.names import ROLES, Exports
from nightwork.module_spec.source.skeleton import Raised, Symbol, SymbolKind

MOST_CALLS = 30
_SUMMARY = 600


class Scope:
    """The module's top level, or a class's body; `own` are the words of its statements that define no name."""

    def __init__(self, outer: Scope | None = None, name: str = "") -> None:
        self.outer = outer
        self.name: str = f"{outer.prefix}{name}" if outer else ""
        self.prefix: str = f"{self.name}." if outer else ""
        self.own: list[str] = []
        self.symbol: Draft | None = None


@dataclass(slots=True)
class Draft:
    """A symbol as it is read."""

    name: str
    kind: SymbolKind
    signature: str
    scope: Scope
    line: int
    lines: int
    docstring: str | None = None
    body: str = ""
    decorators: tuple[str, ...] = ()
    complexity: int = 1
    raises: tuple[Raised, ...] = ()
    calls: list[ast.Call] | None = None


def finished(drafts: Iterable[Draft], exports: Exports) -> tuple[Symbol, ...]:
    """Return the symbols with their final names, and with what they call of each other."""
    drafts = list(drafts)
    names = {draft.name for draft in drafts}
    seen: dict[str, int] = {}
    public: dict[str, bool] = {}
    symbols = []
    for draft in drafts:
        name = draft.name
        seen[name] = number = seen.get(name, 0) + 1
        public[name] = _is_public(draft, exports, public)
        symbols.append(
            Symbol(
                name if number == 1 else f"{name}#{number}",
                draft.kind,
                draft.signature,
                summary_of(draft.docstring),
                draft.body,
                draft.line,
                draft.lines,
                public[name],
                draft.decorators,
                draft.complexity,
                draft.raises,
                _called(draft, names) if draft.calls else (),
                bool(draft.docstring),
            )
        )
    return tuple(symbols)


def _called(draft: Draft, names: set[str]) -> tuple[str, ...]:
    """Return the names of this file that a function calls, in the order of the source, each once."""
    found: list[tuple[int, int, str]] = []
    for call in draft.calls or ():
        function: Any = call.func
        if type(function) is ast.Name:
            name = function.id
        elif type(function) is ast.Attribute and type(function.value) is ast.Name:
            owner = function.value.id
            name = f"{draft.scope.name if owner in _SELF else owner}.{function.attr}"
        else:
            continue
        if name in names and name != draft.name:
            found.append((function.lineno, function.col_offset, name))
    found.sort()
    return tuple(dict.fromkeys(name for _, _, name in found))[:MOST_CALLS]


_SELF = frozenset({"self", "cls"})


def _is_public(draft: Draft, exports: Exports, public: dict[str, bool]) -> bool:
    if not draft.scope.outer:
        return exports.holds(draft.name)
    own = draft.name.rpartition(".")[2]
    return public.get(draft.scope.name, False) and (not own.startswith("_") or own in ROLES)


def summary_of(docstring: str | None) -> str:
    """Return the first paragraph of a docstring, on one line."""
    if not docstring:
        return ""
    lines: list[str] = []
    for line in docstring[: _SUMMARY * 4].strip().split("\n"):
        if not line.strip():
            break
        lines.append(line)
    return " ".join(" ".join(lines).split())[:_SUMMARY]
