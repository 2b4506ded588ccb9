"""Imports of a file, in all the ways in which a file may take another in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightwork.module_spec.source.language.ecmascript.wording import text_of
from nightwork.module_spec.source.skeleton import EdgeKind, Import

if TYPE_CHECKING:
    from tree_sitter import Node

STATEMENTS = frozenset({"import_statement", "import_alias", "export_statement"})


def imported_by(statement: Node, kind: EdgeKind) -> Iterator[Import]:
    """Yield the import of a statement: `import`, `import = require()`, and `export ... from`."""
    source = statement.child_by_field_name("source")
    for child in statement.named_children:
        if child.type == "import_require_clause":
            source = child.child_by_field_name("source")
    if source is None:
        return
    specifiers = list(_specifiers(statement))
    is_typed = any(child.type in {"type", "typeof"} for child in statement.children)
    is_typed = is_typed or (bool(specifiers) and all(_is_typed(each) for each in specifiers))
    names = tuple(_name(each) for each in specifiers)
    kind = EdgeKind.TYPE_CHECKING if is_typed else kind
    yield Import(unquoted(source), names, 0, kind, statement.start_point.row + 1)


def imported_by_call(call: Node, kind: EdgeKind) -> Iterator[Import]:
    """Yield the import of `require("x")` and `import("x")`, the latter always lazy; nothing when "x" is no literal."""
    called, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    if called is None or arguments is None or called.type not in {"identifier", "import"}:
        return
    first = next(iter(arguments.named_children), None)
    if first is None or first.type != "string" or text_of(called) not in {"require", "import"}:
        return
    kind = EdgeKind.LAZY if called.type == "import" else kind
    yield Import(unquoted(first), (), 0, kind, call.start_point.row + 1)


def unquoted(literal: Node) -> str:
    """Return what a string literal holds, as it is written."""
    return text_of(literal)[1:-1]


def _specifiers(statement: Node) -> Iterator[Node]:
    """Yield what is named of the other file: a default, `* as`, and names in braces."""
    for child in statement.named_children:
        if child.type in {"import_clause", "export_clause"}:
            for each in child.named_children:
                yield from each.named_children if each.type == "named_imports" else [each]
        elif child.type == "namespace_export":
            yield child


def _is_typed(specifier: Node) -> bool:
    return any(child.type in {"type", "typeof"} for child in specifier.children)


def _name(specifier: Node) -> str:
    if specifier.type == "identifier":
        return "default"
    if specifier.type in {"namespace_import", "namespace_export"}:
        return "*"
    return text_of(specifier.child_by_field_name("name"))
