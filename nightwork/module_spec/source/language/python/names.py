"""Which of a module's names others are meant to use: what `__all__` says, else what the underscores say."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# Special methods by which others use a class, and which deserve a word.
_ROLES = """
init new call enter exit aenter aexit iter next aiter anext await getitem setitem delitem contains len
get set delete init_subclass class_getitem
"""
ROLES = frozenset(f"__{role}__" for role in _ROLES.split())


class Exports:
    """What `__all__` holds, followed through the statements of a module's body."""

    def __init__(self) -> None:
        self.names: dict[str, None] | None = None
        self.is_whole = True  # nothing was added that is no literal

    def look_at(self, statement: ast.stmt) -> bool:
        """Follow a statement when it is about `__all__`; says whether it is."""
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                self.names, self.is_whole = None, True
                self._add(value)
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=value) if value:
                self.names, self.is_whole = None, True
                self._add(value)
            case ast.AugAssign(target=ast.Name(id="__all__"), value=value):
                self._add(value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="__all__"), attr=method), args=[value])):
                self._call(method, value)
            case _:
                return False
        return True

    def holds(self, name: str) -> bool:
        """Say whether a name of the module's top level is public."""
        if self.names is None:
            return not name.startswith("_")
        return name in self.names or (not self.is_whole and not name.startswith("_"))

    def _call(self, method: str, value: ast.expr) -> None:
        if method == "extend":
            self._add(value)
        elif method == "append" and isinstance(value, ast.Constant):
            self._add(ast.List(elts=[value]))
        elif method == "remove" and isinstance(value, ast.Constant) and self.names:
            self.names.pop(str(value.value), None)
        else:
            self.is_whole = False

    def _add(self, value: ast.expr) -> None:
        for name in _literals(value):
            if name is None:
                self.is_whole = False
            else:
                self.names = self.names or {}
                self.names[name] = None
        if self.is_whole and self.names is None:
            self.names = {}


def _literals(value: ast.expr) -> Iterator[str | None]:
    """Yield the texts of a literal in order, None for each part that is none."""
    pending = [value]
    while pending:
        match pending.pop():
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                pending.extend(reversed(parts))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                pending += [right, left]
            case ast.Starred(value=inner):
                pending.append(inner)
            case ast.Constant(value=str(name)):
                yield name
            case _:
                yield None
