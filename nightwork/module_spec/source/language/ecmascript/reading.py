"""A file's skeleton, put together from its declarations and one walk over its tree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nightwork.module_spec.source.language import comments
from nightwork.module_spec.source.language.ecmascript.declarations import Declared, declarations_of
from nightwork.module_spec.source.language.ecmascript.walk import Facts, Walked, hash_of, walk
from nightwork.module_spec.source.language.ecmascript.wording import docstring_of, one_line, summary_before
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node

_LONGEST_VALUE = 200
_CALLED = frozenset({SymbolKind.FUNCTION, SymbolKind.METHOD, SymbolKind.PROPERTY})


def skeleton_of(bare: Skeleton, root: Node) -> Skeleton:
    """Return a file's skeleton; `bare` has what does not come from its tree."""
    declarations = declarations_of(root)
    found = _numbered(declarations.found)
    nodes = [*root.children, *(node for each in found for node in (each.outer, each.inner) if node is not None)]
    walked = walk(root, {each.node.id: each.name for each in found}, frozenset(node.id for node in nodes))
    members: dict[str, list[Node]] = defaultdict(list)
    for each in found:
        members[each.name.rpartition(".")[0]].append(each.outer)
    symbols = tuple(_symbol(each, members[each.name], walked) for each in found)
    return replace(
        bare,
        tree_hash=_tree_hash(root, walked, (symbol.summary for symbol in symbols)),
        error=walked.error,
        docstring=docstring_of(root),
        symbols=symbols,
        imports=tuple(walked.imports),
        markers=tuple(walked.markers[: comments.MOST_MARKERS]),
    )


def _numbered(found: Sequence[Declared]) -> list[Declared]:
    """Return declarations of which no two have one name: later ones have a number, members that of their class."""
    often: Counter[str] = Counter()
    renamed: dict[str, str] = {}
    for each in found:
        owner, dot, last = each.name.rpartition(".")
        each.name = renamed.get(owner, owner) + dot + last
        plain = each.name
        often[plain] += 1
        if often[plain] > 1:
            each.name = f"{plain}#{often[plain]}"
        renamed[plain] = each.name
    return list(found)


def _symbol(each: Declared, members: Sequence[Node], walked: Walked) -> Symbol:
    facts = walked.facts[each.node.id] if each.kind in _CALLED else Facts()
    summary = summary_before(each.outer) or summary_before(each.node)
    return Symbol(
        name=each.name,
        kind=each.kind,
        signature=_signature(each),
        summary=summary,
        body=walked.digest(each.inner, members) if each.inner is not None else "",
        line=each.node.start_point.row + 1,
        lines=each.outer.end_point.row - each.outer.start_point.row + 1,
        is_public=each.is_public,
        decorators=_decorators(each),
        complexity=facts.complexity,
        raises=tuple(facts.raises),
        calls=tuple(facts.calls),
        documented=bool(summary),
    )


def _signature(each: Declared) -> str:
    keyword = f"{each.keyword} " if each.keyword else ""
    is_value = each.kind in {SymbolKind.CONSTANT, SymbolKind.FIELD}
    stop = each.inner.start_byte if each.inner is not None and not is_value else -1
    if each.kind is SymbolKind.TYPE and each.node.type == "type_alias_declaration":
        stop = -1
    value = each.inner if is_value and each.inner is not None else None
    if value is not None and value.id != each.node.id and value.end_byte - value.start_byte > _LONGEST_VALUE:
        return f"{keyword}{one_line(each.node, value.start_byte)} …"
    if value is not None and value.id == each.node.id:
        return "default"
    return keyword + one_line(each.node, stop)


def _decorators(each: Declared) -> tuple[str, ...]:
    around = [*each.outer.children, *(each.node.children if each.node.id != each.outer.id else ())]
    found = [_called(child) for child in around if child.type == "decorator"]
    before = each.outer.prev_sibling
    while before is not None and before.type == "decorator":
        found.insert(0, _called(before))
        before = before.prev_sibling
    return tuple(found)


def _called(decorator: Node) -> str:
    return "".join(one_line(child) for child in decorator.children if child.type != "@")


def _tree_hash(root: Node, walked: Walked, summaries: Iterable[str]) -> str:
    """Return the hash of a file: adjacent imports count in any order, documentation of names counts too."""
    parts: list[str] = []
    run: list[str] = []
    for child in root.children:
        if child.id not in walked.spans:
            continue
        digest = walked.digest(child)
        if child.type == "import_statement":
            run.append(digest)
            continue
        parts += [*sorted(run), digest]
        run = []
    return hash_of([*parts, *sorted(run), *summaries])
