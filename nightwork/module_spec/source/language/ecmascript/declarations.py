"""The names that a file declares at its top level, in its classes and interfaces, and which of them it exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightwork.module_spec.source.language.ecmascript.wording import text_of
from nightwork.module_spec.source.skeleton import SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

_KINDS = {
    "function_declaration": SymbolKind.FUNCTION,
    "generator_function_declaration": SymbolKind.FUNCTION,
    "function_signature": SymbolKind.FUNCTION,
    "function_expression": SymbolKind.FUNCTION,
    "generator_function": SymbolKind.FUNCTION,
    "arrow_function": SymbolKind.FUNCTION,
    "class_declaration": SymbolKind.CLASS,
    "abstract_class_declaration": SymbolKind.CLASS,
    "class": SymbolKind.CLASS,
    "interface_declaration": SymbolKind.INTERFACE,
    "type_alias_declaration": SymbolKind.TYPE,
    "enum_declaration": SymbolKind.TYPE,
}
_MEMBERS = {
    "method_definition": SymbolKind.METHOD,
    "method_signature": SymbolKind.METHOD,
    "abstract_method_signature": SymbolKind.METHOD,
    "public_field_definition": SymbolKind.FIELD,
    "field_definition": SymbolKind.FIELD,
    "property_signature": SymbolKind.FIELD,
    "enum_assignment": SymbolKind.FIELD,
    "property_identifier": SymbolKind.FIELD,  # a member of an enumeration without a value
}
_VARIABLES = frozenset({"lexical_declaration", "variable_declaration"})
_NAMESPACES = frozenset({"internal_module", "module"})
_BODIES = frozenset({"class_body", "interface_body", "object_type", "enum_body"})
_QUOTES = "\"'"


@dataclass(slots=True)
class Declared:
    """One name: `node` is what its signature is taken from, `outer` what stands in the file, `inner` what it does."""

    name: str
    kind: SymbolKind
    node: Node
    outer: Node
    inner: Node | None
    is_public: bool = False
    keyword: str = ""  # of a variable: const, let or var


@dataclass(slots=True)
class Declarations:
    """What is declared in the order of the source; `exported` are names that some statement exports later or apart."""

    found: list[Declared] = field(default_factory=list)
    exported: set[str] = field(default_factory=set)
    is_module: bool = False  # imports or exports something, so that the rest is its own


def declarations_of(root: Node) -> Declarations:
    """Collect the declarations of a file, those of namespaces included."""
    result = Declarations()
    waiting = [(child, "", True) for child in reversed(root.children)]
    while waiting:
        node, prefix, is_public = waiting.pop()
        inner = _namespace(node)
        if inner is not None:
            name, body = (
                prefix + text_of(inner.child_by_field_name("name")).strip(_QUOTES),
                inner.child_by_field_name("body"),
            )
            is_open = is_public and (not prefix or node.type == "export_statement")
            waiting += [(child, f"{name}.", is_open) for child in reversed(body.children if body else [])]
        else:
            _collect(node, prefix, is_public, result)
    for each in result.found:
        if not result.is_module and not each.is_public:
            each.is_public = not each.name.rpartition(".")[2].startswith(("_", "#")) and "." not in each.name
        each.is_public = each.is_public or each.name in result.exported
    _make_members_public(result.found)
    return result


def _namespace(node: Node) -> Node | None:
    """Return the namespace that a statement is, with or without export or declare."""
    while node.type in {"export_statement", "ambient_declaration", "expression_statement"}:
        inner = next((child for child in node.named_children if child.type != "comment"), None)
        if inner is None or inner.type not in {*_NAMESPACES, "ambient_declaration", "expression_statement"}:
            return None
        node = inner
    return node if node.type in _NAMESPACES else None


def _collect(statement: Node, prefix: str, is_public: bool, result: Declarations) -> None:
    if statement.type in {"import_statement", "import_alias", "export_statement"} and not prefix:
        result.is_module = True
    if statement.type == "expression_statement":
        _collect_assigned(statement, result)
        return
    node, is_exported = statement, False
    while node.type in {"export_statement", "ambient_declaration"}:
        is_exported = is_exported or node.type == "export_statement"
        inner = node.child_by_field_name("declaration") or node.child_by_field_name("value")
        if inner is None and node.type == "ambient_declaration":
            inner = next(iter(node.named_children), None)
        if inner is None:
            _collect_exported(node, result)
            return
        node = inner
    found = list(_declared(node, statement, prefix, is_exported))
    for each in found:
        each.is_public = is_exported and is_public
    result.found += [part for each in found for part in (each, *_members(each))]


def _declared(node: Node, statement: Node, prefix: str, is_exported: bool) -> Iterator[Declared]:
    if node.type in _VARIABLES:
        keyword = text_of(node.children[0]) if node.children else ""
        for variable in node.named_children:
            if variable.type == "variable_declarator":
                yield from _variables(variable, statement, prefix, keyword)
    elif node.type in _KINDS:
        name = text_of(node.child_by_field_name("name")) or "default"
        yield Declared(prefix + name, _KINDS[node.type], node, statement, node.child_by_field_name("body"))
    elif is_exported and node.type != "identifier":
        yield Declared("default", SymbolKind.CONSTANT, node, statement, node)


def _variables(variable: Node, statement: Node, prefix: str, keyword: str) -> Iterator[Declared]:
    name, value = variable.child_by_field_name("name"), variable.child_by_field_name("value")
    if name is None:
        return
    for part in [name] if name.type == "identifier" else _bound(name):
        kind = _KINDS.get(value.type, SymbolKind.CONSTANT) if value is not None else SymbolKind.CONSTANT
        kind = kind if part is name else SymbolKind.CONSTANT
        inner = value.child_by_field_name("body") if value is not None and kind is not SymbolKind.CONSTANT else value
        node = variable if part is name else part
        yield Declared(prefix + text_of(part), kind, node, statement, inner, keyword=keyword)


def _bound(pattern: Node) -> Iterator[Node]:
    """Yield the names that a destructuring pattern binds."""
    waiting = [pattern]
    while waiting:
        node = waiting.pop()
        if node.type in {"identifier", "shorthand_property_identifier_pattern"}:
            yield node
        elif node.type in {"assignment_pattern", "object_assignment_pattern"}:
            waiting += node.named_children[:1]
        elif node.type == "pair_pattern":
            waiting += [value] if (value := node.child_by_field_name("value")) is not None else []
        else:
            waiting += reversed(node.named_children)


def _members(owner: Declared) -> Iterator[Declared]:
    body = owner.inner
    if owner.kind is SymbolKind.FUNCTION or body is None or body.type not in _BODIES:
        return
    for node in body.named_children:
        kind = _MEMBERS.get(node.type)
        named = node.child_by_field_name("name") or node.child_by_field_name("property")
        name = text_of(named or (node if node.type == "property_identifier" else None))
        if kind is None or not name:
            continue
        value, inner = node.child_by_field_name("value"), node.child_by_field_name("body")
        if value is not None and value.type in _KINDS:
            kind, inner = SymbolKind.METHOD, value.child_by_field_name("body")
        if any(child.type in {"get", "set"} for child in node.children):
            kind = SymbolKind.PROPERTY
        yield Declared(f"{owner.name}.{name.strip(_QUOTES)}", kind, node, node, inner or value)


def _make_members_public(found: Iterable[Declared]) -> None:
    owners = {each.name: each.is_public for each in found if each.outer is not each.node or "." not in each.name}
    for each in found:
        if each.node is each.outer and each.node.type in _MEMBERS:
            owner, _, name = each.name.rpartition(".")
            hidden = any(text_of(child) in {"private", "protected"} for child in each.node.children[:3])
            each.is_public = owners.get(owner, False) and not hidden and not name.startswith(("_", "#"))


def _collect_exported(statement: Node, result: Declarations) -> None:
    """Note the names of `export { a, b as c }`, which stand for declarations elsewhere in the file."""
    if statement.child_by_field_name("source") is not None:
        return
    for clause in statement.named_children:
        for each in clause.named_children if clause.type == "export_clause" else ():
            result.exported.add(text_of(each.child_by_field_name("name")))


def _collect_assigned(statement: Node, result: Declarations) -> None:
    """Note what is given to `module.exports` and `exports.name`."""
    assigned = next(iter(statement.named_children), None)
    if assigned is None or assigned.type != "assignment_expression":
        return
    left, right = assigned.child_by_field_name("left"), assigned.child_by_field_name("right")
    target = text_of(left) if left is not None and left.end_byte - left.start_byte < 200 else ""
    if right is None or not (target == "module.exports" or target.startswith(("exports.", "module.exports."))):
        return
    result.is_module = True
    if target == "module.exports":
        result.exported |= set(_exported_by(right))
    name = target.rpartition(".")[2] if target != "module.exports" else "default"
    if right.type in _KINDS:
        given = text_of(right.child_by_field_name("name"))
        one = Declared(given or name, _KINDS[right.type], assigned, statement, right.child_by_field_name("body"), True)
        result.found += [one, *_members(one)]
    elif right.type == "identifier":
        result.exported.add(text_of(right))
    elif target != "module.exports" or right.type != "object":
        result.found.append(Declared(name, SymbolKind.CONSTANT, assigned, statement, right, True))


def _exported_by(value: Node) -> Iterator[str]:
    for each in value.named_children if value.type == "object" else ():
        if each.type == "shorthand_property_identifier":
            yield text_of(each)
        elif each.type == "pair" and (given := each.child_by_field_name("value")) and given.type == "identifier":
            yield text_of(given)
