"""Hostile text as parts of Markdown: names as code, sentences, paragraphs, bounded lists.

What comes in has no control or unseen characters any more (`view.cleaned`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from nightwork.markdown import escape, fence

T = TypeVar("T")
_TICKS = re.compile("`+")
_ROLE = re.compile(r"(?<![\w`]):[a-z][a-z:-]{0,20}:(?=`)")
_NAMED = re.compile(r"(?<!`)(`{1,2})(?!`)([^`]{1,300})\1(?!`)")
_BULLET = re.compile(r"\s{0,8}[-*•]\s+")
UNDERLINE = re.compile(r"[=\-~^*#]{3,}")
_SHAPED = re.compile(r"^(?:\s{2,}|>>> |\s*[│├└┌|+])")


def code(text: str) -> str:
    """Return a text as a code span, whatever it holds; not for tables, whose cells end at any `|`."""
    text = " ".join(text.split())
    if "`" not in text:
        return f"`{text}`" if text else "``` ```"
    marks = "`" * (1 + max(map(len, _TICKS.findall(text))))
    return f"{marks} {text} {marks}"


def named(name: str) -> str:
    """Return a name as code in a sentence."""
    return code(cut(name, 120))


def cell(text: str, most: int = 80) -> str:
    """Return a name as code in a table's cell, or as plain text when readers of Markdown differ on where it ends."""
    text = cut(text, most)
    return escape(text) if "|" in text or "\\" in text else code(text)


def prose(text: str, most: int = 1_000, in_table: bool = False) -> str:
    """Return a text as one line; what stands in backquotes is code, all else is itself."""
    text = cut(" ".join(text.split()), most)
    as_code = cell if in_table else code
    if "`" not in text:
        return escape(text)
    parts, at = [], 0
    text = _ROLE.sub("", text)
    for found in _NAMED.finditer(text):
        parts += [_between(text[at : found.start()], at), as_code(found[2].removeprefix("~"))]
        at = found.end()
    return "".join([*parts, _between(text[at:], at)])


def _between(text: str, at: int) -> str:
    """Escape a part of a line; only the first part stands at its start."""
    if not text.strip():
        return text
    before = " " if text[0] == " " and at else ""
    after = " " if text[-1] == " " else ""
    shown = escape(f"({text.lstrip()}")[1:] if at else escape(text)
    return f"{before}{shown}{after}"


def first_sentences(text: str, most: int) -> str:
    """Return as many whole sentences of a text as fit; a part of the first one when it does not."""
    text = " ".join(text.split())
    end = text.rfind(". ", 0, most) if len(text) > most else -1
    return text[: end + 1] if end > 0 else cut(text, most)


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters; what is longer ends in three dots."""
    return text if len(text) <= most else f"{text[: most - 3].rstrip()}..."


def paragraphs(text: str, most: int) -> list[str]:
    """Return a docstring as at most `most` blocks of Markdown: prose, lists, and what is laid out by hand as code."""
    blocks = re.split(r"\n[ \t]*\n", text[:20_000].strip("\n"))
    shown = [_block(block) for block in blocks[:most] if block.strip()]
    if len(blocks) > most:
        shown.append(f"The docstring goes on: {counted(len(blocks) - most, 'more paragraph')}.")
    return shown


def _block(text: str) -> str:
    lines = [line for line in text.expandtabs(4).split("\n") if line.strip()]
    if len(lines) == 2 and UNDERLINE.fullmatch(lines[1].strip()):
        return f"**{escape(lines[0].strip())}**"
    if _BULLET.match(lines[0]):
        return bullets(prose(item) for item in _items(lines))
    if any(_SHAPED.match(line) for line in lines):
        return fence("\n".join(cut(line.rstrip(), 200) for line in lines[:20]), "text")
    return prose(" ".join(lines))


def _items(lines: Iterable[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if mark := _BULLET.match(line):
            items.append(line[mark.end() :])
        else:
            items[-1] += f" {line.strip()}"
    return items[:20]


def bullets(items: Iterable[str]) -> str:
    """Return a list of lines that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def bounded(items: Sequence[str], most: int, noun: str) -> str:
    """Return a list of at most `most` lines; what is left out is counted."""
    if len(items) <= most:
        return bullets(items)
    return bullets([*items[: most - 1], f"and {counted(len(items) - most + 1, f'more {noun}')}"])


def listed(names: Sequence[str], most: int, total: int | None = None) -> str:
    """Return names as code in one line: "`a`, `b` and 3 more"; `total` when there are more than these."""
    total = len(names) if total is None else total
    return joined([code(cut(name, 80)) for name in names[:most]], total - most)


def joined(parts: Sequence[str], more: int = 0) -> str:
    """Return parts of a sentence with commas and an "and"."""
    parts = [*parts, f"{more:,} more"] if more > 0 else parts
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: "1 class", "2 classes"."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun[:-1]}ies" if noun.endswith("ty") else f"{noun}s"
    return f"{count:,} {plural}"


def language_name(language: str) -> str:
    """Return a language as its users write it."""
    return {"python": "Python", "typescript": "TypeScript", "javascript": "JavaScript"}.get(language, language)


def foremost(items: Sequence[tuple[int, int, T]], most: int) -> tuple[list[T], list[T]]:
    """Split (rank, cost, item) into what fits in `most`, lowest rank first, and the rest; both in the order given."""
    chosen: set[int] = set()
    for index in sorted(range(len(items)), key=lambda each: items[each][0]):
        most -= items[index][1]
        if most < 0:
            break
        chosen.add(index)
    return (
        [item for index, (_, _, item) in enumerate(items) if index in chosen],
        [item for index, (_, _, item) in enumerate(items) if index not in chosen],
    )


def row(cells: Iterable[str]) -> str:
    """Return one row of a table, its cells Markdown already."""
    return f"| {' | '.join(cells)} |"


def table(headers: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table, its cells Markdown already."""
    yield row(headers)
    yield "|" + " --- |" * len(headers)
    yield from map(row, rows)
