"""One walk over a whole syntax tree, without recursion: its words for digests, imports, and what each symbol does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightwork.module_spec.source.language.ecmascript.imports import STATEMENTS, imported_by, imported_by_call
from nightwork.module_spec.source.language.ecmascript.wording import COMMENTS, WHOLE, markers_in, one_line, text_of
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Marker, Raised

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = frozenset({
    "function_declaration", "generator_function_declaration", "function_expression", "generator_function",
    "arrow_function", "method_definition",
})  # fmt: skip
_CONDITIONS = frozenset({"if_statement", "try_statement", "switch_statement"})
_BRANCHES = frozenset({
    "if_statement", "for_statement", "for_in_statement", "while_statement", "do_statement", "switch_case",
    "catch_clause", "ternary_expression", "&&", "||", "??",
})  # fmt: skip
_LISTS = frozenset({"interface_body", "object_type", "enum_body"})  # of members, parted by either sign
_CLOSERS = frozenset({")", "]", "}", ">"})
_LONGEST_CONDITION = 120
_MOST_RAISED = 20
_MOST_CALLS = 30


@dataclass(slots=True)
class Facts:
    """What is found inside one symbol."""

    complexity: int = 1
    raises: dict[Raised, None] = field(default_factory=dict)
    calls: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Walked:
    """What a walk has found; `words` of a node are those from its place in `spans` to its end."""

    facts: dict[int, Facts]
    words: list[str] = field(default_factory=list)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    error: str = ""

    def digest(self, node: Node, without: Iterable[Node] = ()) -> str:
        """Return the hash of a node's words, those of other nodes in it left out."""
        start, end = self.spans.get(node.id, (0, 0))
        parts = []
        for other in without:
            first, last = self.spans.get(other.id, (start, start))
            if start <= first:
                parts += self.words[start:first]
                start = last
        return hash_of([*parts, *self.words[start:end]])


def hash_of(words: Iterable[str]) -> str:
    """Return the hash of words in their order."""
    joined = "\0".join(words).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def walk(root: Node, owners: Mapping[int, str], wanted: frozenset[int]) -> Walked:
    """Walk a file; `owners` are the symbols by the ids of their nodes, `wanted` the nodes whose digests are asked."""
    return _Walk(owners, wanted).over(root)


class _Walk:
    def __init__(self, owners: Mapping[int, str], wanted: frozenset[int]) -> None:
        self.owners = owners
        self.wanted = wanted
        self.names = frozenset(owners.values())
        self.result = Walked({node: Facts() for node in owners})
        self.symbols: list[tuple[int, str]] = []
        self.functions = 0
        self.conditions: list[Node] = []

    def over(self, root: Node) -> Walked:
        waiting: list[tuple[Node, int]] = [(root, -1)]
        while waiting:
            node, start = waiting.pop()
            kind = node.type
            if start >= 0:
                self._leave(node, start)
            elif kind in COMMENTS:
                self.result.markers += markers_in(node)
            elif not node.child_count or kind in WHOLE:
                self._take(node, kind)
            else:
                waiting.append((node, self._enter(node)))
                waiting += [(child, -1) for child in reversed(_telling(node.children, kind))]
        return self.result

    def _take(self, leaf: Node, kind: str) -> None:
        words = self.result.words
        words.append(f"{kind} {_literal(leaf, kind)}" if leaf.is_named else kind)
        if leaf.id in self.wanted:
            self.result.spans[leaf.id] = len(words) - 1, len(words)
        if self.symbols and kind in _BRANCHES:
            self.result.facts[self.symbols[-1][0]].complexity += 1
        self._check(leaf)

    def _check(self, node: Node) -> None:
        if (node.is_error or node.is_missing) and not self.result.error:
            self.result.error = f"line {node.start_point.row + 1}: the syntax cannot be read"

    def _enter(self, node: Node) -> int:
        start = len(self.result.words)
        self.result.words.append(node.type)
        self._check(node)
        if node.id in self.owners:
            self.symbols.append((node.id, self.owners[node.id]))
        self._note(node)
        self.functions += node.type in _FUNCTIONS
        if node.type in _CONDITIONS:
            self.conditions.append(node)
        return start

    def _leave(self, node: Node, start: int) -> None:
        self.result.words.append("/")
        if node.id in self.wanted:
            self.result.spans[node.id] = start, len(self.result.words)
        self.functions -= node.type in _FUNCTIONS
        if node.type in _CONDITIONS:
            self.conditions.pop()
        if self.symbols and self.symbols[-1][0] == node.id:
            self.symbols.pop()

    def _note(self, node: Node) -> None:
        if node.type in STATEMENTS:
            self.result.imports += imported_by(node, self._kind())
        elif node.type == "call_expression":
            self.result.imports += imported_by_call(node, self._kind())
            self._note_call(node)
        elif self.symbols and node.type in _BRANCHES:
            self.result.facts[self.symbols[-1][0]].complexity += 1
        elif self.symbols and node.type == "throw_statement":
            raises = self.result.facts[self.symbols[-1][0]].raises
            if len(raises) < _MOST_RAISED and (raised := self._raised(node)):
                raises[raised] = None

    def _kind(self) -> EdgeKind:
        if self.functions:
            return EdgeKind.LAZY
        return EdgeKind.CONDITIONAL if self.conditions else EdgeKind.TOP_LEVEL

    def _note_call(self, call: Node) -> None:
        called = call.child_by_field_name("function")
        if not self.symbols or called is None or called.end_byte - called.start_byte > 200:
            return
        node, own = self.symbols[-1]
        name = text_of(called)
        if name.startswith("this."):
            name = own.rpartition(".")[0] + name[4:]
        calls = self.result.facts[node].calls
        if name in self.names and len(calls) < _MOST_CALLS:
            calls[name] = None

    def _raised(self, throw: Node) -> Raised | None:
        thrown = next((child for child in throw.named_children if child.type != "comment"), None)
        if thrown is None or thrown.type == "identifier":
            return None  # what was caught, thrown on
        name = thrown.child_by_field_name("constructor") or thrown.child_by_field_name("function") or thrown
        return Raised(_cut(one_line(name)), self._condition(throw))

    def _condition(self, throw: Node) -> str:
        """Return the nearest condition around a statement, negated when it stands in the other branch."""
        start = self.symbols[-1][0]
        for each in reversed(self.conditions):
            first, last = each.start_byte, each.end_byte
            if each.type != "if_statement" or not first <= throw.start_byte < last or each.id == start:
                continue
            condition, other = each.child_by_field_name("condition"), each.child_by_field_name("alternative")
            if condition is None:
                return ""
            text = _cut(one_line(condition))
            is_other = other is not None and other.start_byte <= throw.start_byte
            return f"!{text}" if is_other else text.removeprefix("(").removesuffix(")")
        return ""


def _telling(children: list[Node], parent: str) -> list[Node]:
    """Return the children of a node without those that are formatting: semicolons, last commas, and parentheses."""
    if parent == "for_statement":
        return children
    kinds = [child.type for child in children]
    if parent == "arrow_function" and "formal_parameters" in kinds:
        return [_bare_parameter(child) for child in children]
    if ";" not in kinds and "," not in kinds:
        return children
    if parent in _LISTS:
        return [child for child in children if child.type not in {";", ","}]
    last = len(children) - 2
    is_last_comma = (
        last > 0 and kinds[last] == "," and kinds[last + 1] in _CLOSERS and kinds[last - 1] not in {",", "["}
    )
    kept = children[:last] + children[last + 1 :] if is_last_comma else children
    return [child for child in kept if child.type != ";"]


def _bare_parameter(node: Node) -> Node:
    """Return the name in the parameters of `(a) => b`, which may as well be written without parentheses."""
    while node.type in {"formal_parameters", "required_parameter"} and node.named_child_count == 1:
        (inner,) = node.named_children
        if inner.type not in {"required_parameter", "identifier"}:
            break
        node = inner
    return node


def _literal(node: Node, kind: str) -> str:
    text = text_of(node)
    if kind != "string" or len(text) < 2:
        return text
    return text[1:-1] if '"' not in text[1:-1] and "'" not in text[1:-1] else text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CONDITION else text[: _LONGEST_CONDITION - 1] + "…"
