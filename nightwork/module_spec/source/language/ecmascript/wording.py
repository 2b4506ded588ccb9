"""Text out of a syntax tree: signatures on one line, and what comments say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightwork.module_spec.source.language import comments
from nightwork.module_spec.source.skeleton import Marker

if TYPE_CHECKING:
    from tree_sitter import Node

WHOLE = frozenset({"string", "template_string", "regex", "jsx_text"})  # what keeps its white space
COMMENTS = frozenset({"comment", "html_comment", "hash_bang_line"})
_PASSED_OVER = COMMENTS | {"decorator"}
_OF_FILE = re.compile(r"@(?:file|fileoverview|module|packageDocumentation)\b")
_LICENSE = re.compile(r"(?i)licen[cs]e|copyright|@preserve")


def text_of(node: Node | None) -> str:
    """Return a node's text as it is written; "" for none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def one_line(node: Node, stop: int = -1) -> str:
    """Return a node's text up to the byte `stop` on one line, without comments, decorators and a last comma."""
    parts: list[str] = []
    end, last = -1, ""
    for leaf in _leaves(node, stop):
        text = text_of(leaf)
        if text in {")", "]", "}"} and last == ",":
            parts.pop()
            last = parts[-1] if parts else ""
        is_inside = last in {"(", "["} or text in {")", "]"}
        if parts and leaf.start_byte > end and not is_inside:
            parts.append(" ")
        parts.append(text)
        end, last = leaf.end_byte, text
    return "".join(parts)


def _leaves(node: Node, stop: int) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.type in _PASSED_OVER or (0 <= stop <= each.start_byte):
            continue
        if each.child_count and each.type not in WHOLE:
            waiting += reversed(each.children)
        elif each.end_byte > each.start_byte:
            yield each


def summary_before(node: Node) -> str:
    """Return the first paragraph of the documentation comment right before a node, on one line."""
    before = node.prev_sibling
    while before is not None and before.type == "decorator":
        before = before.prev_sibling
    if before is None or before.type != "comment" or node.start_point.row - before.end_point.row > 1:
        return ""
    return first_paragraph(text_of(before))


def first_paragraph(comment: str) -> str:
    """Return the first paragraph of a documentation comment on one line, without tags; "" when it is none."""
    if not comment.startswith("/**") or comment == "/**/":
        return ""
    lines = [line.strip().lstrip("*").strip() for line in comment[3:].removesuffix("*/").split("\n")]
    told: list[str] = []
    for line in lines:
        line = re.sub(r"^@(?:fileoverview|file|module|packageDocumentation|description|summary)\b\s*", "", line)
        if line.startswith("@") or (not line and told):
            break
        told += [line] if line else []
    return " ".join(" ".join(told).split())


def docstring_of(root: Node) -> str:
    """Return what the first comment of a file says of the file; one that is a license, or a name's, does not count."""
    for child in root.children:
        if child.type == "hash_bang_line":
            continue
        text = text_of(child)
        after = child.next_sibling
        if child.type != "comment" or not text.startswith("/**"):
            return ""
        if _LICENSE.search(text):
            continue
        is_own = after is None or after.type in {"comment", "import_statement"} or _OF_FILE.search(text) is not None
        if is_own or (after is not None and after.start_point.row - child.end_point.row > 1):
            return first_paragraph(text)
        return ""
    return ""


def markers_in(comment: Node) -> Iterator[Marker]:
    """Yield what a comment leaves to be done."""
    for place, line in enumerate(text_of(comment).split("\n"), comment.start_point.row + 1):
        if (found := comments.marker(line.removesuffix("*/"), place)) is not None:
            yield found
