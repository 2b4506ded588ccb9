"""The imports of a Python file: statements, and calls that import a name they spell out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from nightwork.module_spec.source.skeleton import EdgeKind, Import


def imports_of(statement: ast.Import | ast.ImportFrom, kind: EdgeKind) -> list[Import]:
    """Return what an import statement asks for, one entry for each module."""
    if isinstance(statement, ast.ImportFrom):
        names = tuple(alias.name for alias in statement.names)
        return [Import(statement.module or "", names, statement.level, kind, statement.lineno)]
    return [Import(alias.name, (), 0, kind, statement.lineno) for alias in statement.names]


def words_of(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """Return a word for each name that a statement imports, so that the order and the grouping do not count."""
    if isinstance(statement, ast.ImportFrom):
        start = f"<from {'.' * statement.level}{statement.module or ''} import"
    else:
        start = "<import"
    return [f"{start} {alias.name} as {alias.asname}" for alias in statement.names]


def called_imports(calls: Iterable[ast.Call]) -> Iterator[Import]:
    """Yield the imports by `importlib.import_module("a.b")` and `__import__("a.b")`."""
    for call in calls:
        function = call.func
        name = function.attr if type(function) is ast.Attribute else getattr(function, "id", "")
        if name in {"import_module", "__import__"} and call.args:
            target = call.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                module = target.value.lstrip(".")
                level = len(target.value) - len(module)
                if all(part.isidentifier() for part in module.split(".")):
                    yield Import(module, (), level, EdgeKind.LAZY, call.lineno)


def for_type_checkers(test: ast.expr) -> bool | None:
    """Say whether a condition holds for type checkers alone (True), or for all but them (False); None for neither."""
    is_negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    named = test.operand if isinstance(test, ast.UnaryOp) else test
    name = getattr(named, "id", "") or getattr(named, "attr", "")
    return not is_negated if name == "TYPE_CHECKING" else None
