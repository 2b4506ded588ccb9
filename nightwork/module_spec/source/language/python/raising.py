"""The errors that a function raises, each with the condition nearest around it."""

from __future__ import annotations

import ast
from typing import Any

from nightwork.module_spec.source.language.python.source import Source, shortened
from nightwork.module_spec.source.skeleton import Raised

MOST_RAISED = 20
_LONGEST = 120
_NAME = 80


_Condition = tuple[ast.expr, bool] | None  # a test, and whether it holds
_SIMPLE = frozenset({ast.Expr, ast.Assign, ast.Return, ast.AugAssign, ast.AnnAssign, ast.Pass, ast.Continue, ast.Break})
_BLOCKS = ("finalbody", "orelse", "handlers", "cases", "body")


def raised_in(body: list[ast.stmt], source: Source, with_asserts: bool) -> tuple[Raised, ...]:
    """Return what a function's body raises, in the order of the source, each once."""
    found: dict[Raised, None] = {}
    pending: list[tuple[Any, _Condition]] = [(statement, None) for statement in reversed(body)]
    while pending and len(found) < MOST_RAISED:
        statement, condition = pending.pop()
        kind = type(statement)
        if kind in _SIMPLE:
            continue
        if kind is ast.Raise:
            if name := _error(statement.exc):
                found[Raised(name, _said(condition, source))] = None
        elif kind is ast.Assert:
            if with_asserts:
                found[Raised("AssertionError", _said((statement.test, False), source))] = None
        elif kind is ast.If:
            pending += [(each, (statement.test, False)) for each in reversed(statement.orelse)]
            pending += [(each, (statement.test, True)) for each in reversed(statement.body)]
        else:
            for name in _BLOCKS:
                pending += [(each, condition) for each in reversed(getattr(statement, name, ()))]
    return tuple(found)


def _said(condition: _Condition, source: Source) -> str:
    if condition is None:
        return ""
    test, holds = condition
    text = source.text(test, _LONGEST)
    return text if holds else shortened(f"not ({text})", _LONGEST)


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
