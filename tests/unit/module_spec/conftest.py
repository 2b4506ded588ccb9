from __future__ import annotations

import ast

import pytest

from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind


def _symbols(nodes, prefix=""):
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = prefix + node.name
            is_class = isinstance(node, ast.ClassDef)
            kind = SymbolKind.CLASS if is_class else SymbolKind.METHOD if prefix else SymbolKind.FUNCTION
            signature = f"class {node.name}" if is_class else f"def {node.name}({ast.unparse(node.args)})"
            summary = (ast.get_docstring(node) or "").split("\n")[0]
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            marks = tuple(ast.unparse(mark) for mark in node.decorator_list)
            lines = node.end_lineno - first + 1
            public = not node.name.startswith("_")
            yield Symbol(name, kind, signature, summary, "", first, lines, public, decorators=marks)
            yield from _symbols(node.body if is_class else [], f"{name}.")
        elif isinstance(node, ast.Assign):
            kind = SymbolKind.FIELD if prefix else SymbolKind.CONSTANT
            name, lines = prefix + node.targets[0].id, node.end_lineno - node.lineno + 1
            yield Symbol(name, kind, " ".join(ast.unparse(node).split()), "", "", node.lineno, lines, True)


@pytest.fixture
def skeleton():
    """Return a small skeleton of a Python source: enough of one for those who read skeletons."""

    def make(source: str, path: str = "src/shop.py") -> Skeleton:
        symbols = tuple(_symbols(ast.parse(source).body))
        size, lines = len(source.encode()), source.count("\n")
        return Skeleton(path, "python", size, lines, "", "", symbols=symbols)

    return make
