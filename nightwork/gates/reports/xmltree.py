"""Reads XML that nobody vouches for into a tree: no DTD, no entities, no namespaces, bounded depth and size."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import MAX_ENTRIES, one_line

MAX_DEPTH = 100
MAX_ELEMENTS = 20 * MAX_ENTRIES


def read_tree(form: str, text: str) -> Any:
    """Return the root element; raises UnreadableReport."""
    parser = ElementTree.XMLParser(target=_PlainTree(form))
    try:
        parser.feed(text)
        return parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableReport(form, one_line(error)) from None


class _PlainTree(ElementTree.TreeBuilder):
    """Builds elements without namespaces; a DTD ends the reading, so no entity is ever expanded."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form
        self._depth = 0
        self._elements = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002 (expat's signature)
        raise UnreadableReport(self._form, "a DTD is not read")

    def start(self, tag: str, attrs: dict[str, str]) -> ElementTree.Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise UnreadableReport(self._form, f"more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])
