"""Mermaid diagrams that its parser takes, whatever their labels hold; bounded, as larger ones cannot be read."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nightwork.markdown import printable
from nightwork.module_spec.render.words import cut

MOST_NODES = 25
_LONGEST = 300
_REMEMBERED = 8_192  # a module stands in the diagrams of all modules around it
_UNSAFE = re.compile(r"[^\w .,/()+*=-]")


@dataclass(frozen=True)
class Link:
    """An arrow between two names; a dotted one stands for what is weak, broken or conditional."""

    source: str
    target: str
    is_dotted: bool = False


def flowchart(links: Sequence[Link], most: int = MOST_NODES, direction: str = "LR") -> tuple[str, int]:
    """Return a flowchart of the first nodes of the links, and how many nodes it had to leave out."""
    ids, left = _ids((name for link in links for name in (link.source, link.target)), most)
    lines = [f'    {number}["{label(name[:_LONGEST])}"]' for name, number in ids.items()]
    arrows = (
        f"    {ids[link.source]} {'-.->' if link.is_dotted else '-->'} {ids[link.target]}"
        for link in links
        if link.source in ids and link.target in ids
    )
    return _block(f"flowchart {direction}", [*lines, *list(dict.fromkeys(arrows))[: 2 * most]]), left


def class_diagram(bases: Sequence[Link], uses: Sequence[Link], most: int = MOST_NODES) -> tuple[str, int]:
    """Return a class diagram (`bases`: class to its base; `uses`: class to that of a field), and what it left out."""
    ids, left = _ids((name for link in [*bases, *uses] for name in (link.source, link.target)), most)
    lines = [f'    class {number}["{label(name[:_LONGEST])}"]' for name, number in ids.items()]
    arrows = [
        f"    {ids[link.target]} <|-- {ids[link.source]}"
        if is_base
        else f"    {ids[link.source]} --> {ids[link.target]}"
        for links, is_base in ((bases, True), (uses, False))
        for link in links
        if link.source in ids and link.target in ids
    ]
    return _block("classDiagram", [*lines, *list(dict.fromkeys(arrows))[: 2 * most]]), left


@functools.lru_cache(maxsize=_REMEMBERED)
def label(text: str) -> str:
    """Return what may stand between the quotes of a label: letters, and the number of each other character."""
    text = cut(" ".join(printable(text).split()), 60)
    text = _UNSAFE.sub(lambda found: f"#{_number(found[0])};", text)
    return text or "(no name)"


def _number(character: str) -> int:
    number = ord(character)
    return 0xFFFD if 0xD800 <= number <= 0xDFFF else number


def _ids(names: Iterable[str], most: int) -> tuple[dict[str, str], int]:
    unique = list(dict.fromkeys(names))
    return {name: f"n{number}" for number, name in enumerate(unique[:most], 1)}, max(0, len(unique) - most)


def _block(kind: str, lines: Sequence[str]) -> str:
    return "\n".join(["```mermaid", kind, *lines, "```"])
