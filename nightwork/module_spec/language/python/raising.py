"""The errors that a function raises, each with the condition nearest around it."""

from __future__ import annotations

import ast
from typing import Any

from nightwork.module_spec.language.python.source import Source, shortened
from nightwork.module_spec.skeleton import Raised

MOST_RAISED = 20
_LONGEST = 120
_NAME = 80


def raised_in(body: list[ast.stmt], source: Source, with_asserts: bool) -> tuple[Raised, ...]:
    """Return what a function's body raises, in the order of the source, each once."""
    found: dict[Raised, None] = {}
    pending: list[tuple[Any, str]] = [(statement, "") for statement in reversed(body)]
    while pending and len(found) < MOST_RAISED:
        statement, condition = pending.pop()
        if isinstance(statement, ast.Raise):
            if name := _error(statement.exc):
                found[Raised(name, condition)] = None
        elif isinstance(statement, ast.Assert):
            if with_asserts:
                found[Raised("AssertionError", _negated(source.text(statement.test, _LONGEST)))] = None
        elif isinstance(statement, ast.If):
            test = source.text(statement.test, _LONGEST)
            pending += [(each, _negated(test)) for each in reversed(statement.orelse)]
            pending += [(each, test) for each in reversed(statement.body)]
        else:
            for name in ("finalbody", "orelse", "handlers", "cases", "body"):
                below = getattr(statement, name, None)
                if type(below) is list:
                    pending += [(each, condition) for each in reversed(below)]
    return tuple(found)


def _negated(test: str) -> str:
    return shortened(f"not ({test})", _LONGEST)


def _error(raised: ast.expr | None) -> str:
    """Return the name of what is raised; none for an error that was caught before, which a variable holds."""
    is_called = isinstance(raised, ast.Call)
    named: Any = raised.func if isinstance(raised, ast.Call) else raised
    parts = []
    while isinstance(named, ast.Attribute):
        parts.append(named.attr)
        named = named.value
    if not isinstance(named, ast.Name):
        return ".".join(reversed(parts))[:_NAME]
    if not is_called and not parts and named.id.islower():
        return ""
    return ".".join([named.id, *reversed(parts)])[:_NAME]
