"""Writes syntax trees as words, each tree in words of its own and without positions: what digests are made of.

It is one loop over every node of a project, so it is written for speed, the commonest nodes first. Every version of
Python writes the same words.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from hashlib import blake2b
from operator import attrgetter
from typing import Any


class Found:
    """What was met on the way, in no order: decisions counted, calls, and the imports, raises and asserts."""

    __slots__ = ("calls", "decisions", "noted")

    def __init__(self) -> None:
        self.decisions = 0
        self.calls: list[ast.Call] = []
        self.noted: list[Any] = []


def digest(words: Iterable[str]) -> str:
    """Return the digest of words."""
    return blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def write(nodes: Iterable[Any], words: list[str], found: Found) -> None:
    """Append the words of some trees to `words`, and what is met to `found`."""
    pending = list(nodes)
    pending.reverse()
    pop, push, extend, add = pending.pop, pending.append, pending.extend, words.append
    name, attribute, constant, call, text = ast.Name, ast.Attribute, ast.Constant, ast.Call, str
    forms, writers, note = _forms, _WRITERS, found.calls.append
    while pending:
        node = pop()
        kind = type(node)
        if kind is name:
            add(node.id)
        elif kind is constant:
            value = node.value
            add(f'"{value}' if type(value) is text and "\0" not in value else _constant(value))
        elif kind is attribute:
            add(".")
            add(node.attr)
            push(node.value)
        elif kind is call:
            note(node)
            push(node.func)
            arguments = node.args
            add(_COUNTS[len(arguments)] if len(arguments) < 100 else f"({len(arguments)}")
            extend(arguments)
            if node.keywords:
                push(node.keywords)
        elif kind in writers:
            writers[kind](node, add, pending)
        elif kind is list:
            add(f"[{len(node)}")
            extend(node)
        elif kind is text:
            add(node)
        else:
            word, parts, is_one, is_noted = forms.get(kind) or _form(kind)
            add(word or str(node))
            if is_noted:
                _note(node, kind, found, pending)
            if is_one:
                push(parts(node))
            elif parts:
                extend(parts(node))


_COUNTS = [f"({number}" for number in range(100)]


def _keyword(node: ast.keyword, add: Callable[[str], None], pending: list[Any]) -> None:
    add(f"{node.arg}=")
    pending.append(node.value)


def _assign(node: ast.Assign, add: Callable[[str], None], pending: list[Any]) -> None:
    add(f"<={len(node.targets)}")
    pending.append(node.value)
    pending += node.targets


def _binary(node: ast.BinOp, add: Callable[[str], None], pending: list[Any]) -> None:
    add(_OPERATORS[type(node.op)])
    pending += (node.right, node.left)


def _unary(node: ast.UnaryOp, add: Callable[[str], None], pending: list[Any]) -> None:
    add(_OPERATORS[type(node.op)])
    pending.append(node.operand)


def _compare(node: ast.Compare, add: Callable[[str], None], pending: list[Any]) -> None:
    add("".join([_OPERATORS[type(each)] for each in node.ops]))
    pending += node.comparators
    pending.append(node.left)


def _argument(node: ast.arg, add: Callable[[str], None], pending: list[Any]) -> None:
    add(node.arg)
    pending.append(node.annotation)


def _tuple(node: ast.Tuple, add: Callable[[str], None], pending: list[Any]) -> None:
    add(f"<,{len(node.elts)}")
    pending += node.elts


_OPERATORS = {
    kind: f"<{kind.__name__}" for base in (ast.operator, ast.unaryop, ast.cmpop) for kind in base.__subclasses__()
}
_WRITERS: dict[type, Callable[[Any, Callable[[str], None], list[Any]], None]] = {
    ast.keyword: _keyword,
    ast.Assign: _assign,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.arg: _argument,
    ast.Tuple: _tuple,
}
_Form = tuple[str, Any, bool, bool]  # the first word, how to get at the parts, whether that is one alone, is noted
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_LATER = frozenset({"type_params", "default_value"})  # not yet in Python 3.11
_NOTED = frozenset({ast.Import, ast.ImportFrom, ast.Raise, ast.Assert})
# Decisions of a node itself, and the field of which each entry is a further one.
_DECISIONS: dict[type, tuple[int, str]] = {
    ast.If: (1, ""),
    ast.IfExp: (1, ""),
    ast.For: (1, ""),
    ast.AsyncFor: (1, ""),
    ast.While: (1, ""),
    ast.ExceptHandler: (1, ""),
    ast.match_case: (1, ""),
    ast.comprehension: (1, "ifs"),
    ast.BoolOp: (-1, "values"),
}
_forms: dict[type, _Form] = {int: ("", None, False, False), type(None): ("~", None, False, False)}


def _form(kind: type) -> _Form:
    every = [name for name in getattr(kind, "_fields", ()) if name not in _LEFT_OUT]
    fields = [name for name in every if name not in _LATER]
    is_noted = kind in _NOTED or kind in _DECISIONS or fields != every
    form = (f"<{kind.__name__}", attrgetter(*fields) if fields else None, len(fields) == 1, is_noted)
    return _forms.setdefault(kind, form)


def _note(node: Any, kind: type, found: Found, pending: list[Any]) -> None:
    if kind in _NOTED:
        found.noted.append(node)
    elif kind in _DECISIONS:
        decisions, counted = _DECISIONS[kind]
        found.decisions += decisions + (len(getattr(node, counted)) if counted else 0)
    else:
        pending += [part for name in _LATER if (part := getattr(node, name, None))]


def _constant(value: object) -> str:
    """Write a constant; a number of more digits than Python likes to print is written in hex."""
    if type(value) is int:
        return f"={value}" if -_LARGE < value < _LARGE else f"={value:x}"
    return f"0{len(value)}:{value}" if type(value) is str else f"={value!r}"


_LARGE = 1 << 64
