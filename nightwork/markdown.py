"""Markdown as far as nightwork reads and writes it: sections with their list items, and hostile text made harmless."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt

from nightwork.redact import redact


@dataclass(frozen=True)
class Section:
    """What stands under one heading: `line` counts from 0, `text` excludes the heading, `items` are its list items."""

    title: str
    line: int
    text: str
    items: tuple[str, ...]


def sections(text: str) -> list[Section]:
    """Split a text at its top-level headings; what stands before the first one has the title ''."""
    lines = text.split("\n")
    tokens = _blocks().parse(text)
    starts = [("", -1, 0)]
    items: list[tuple[int, str]] = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            starts.append((tokens[index + 1].content.strip(), token.map[0], token.map[1]))
        elif token.type == "inline" and token.level == 3 and tokens[index - 2].type == "list_item_open" and token.map:
            items.append((token.map[0], " ".join(token.content.split())))
    result = []
    for number, (title, line, first) in enumerate(starts):
        end = starts[number + 1][1] if number + 1 < len(starts) else len(lines)
        own = tuple(item for place, item in items if first <= place < end)
        result.append(Section(title, max(line, 0), "\n".join(lines[first:end]).strip(), own))
    return result


@functools.cache
def _blocks() -> MarkdownIt:
    """Return the reader of blocks; it keeps nothing between texts, and to make it takes as long as to read a ticket."""
    return MarkdownIt("commonmark").disable("inline")


def escape(text: object) -> str:
    """Return hostile text as one line of Markdown that renders as itself: no HTML, links, marks, tables or lists.

    Backslashes, not entities: Prefect's page shows entities as they are written.
    """
    if isinstance(text, str) and _HARMLESS.fullmatch(text):
        return text
    line = " ".join(printable(str(text)).split())
    line = _MARK.sub(r"\\\g<0>", line)
    line = _ADDRESS.sub(lambda match: f"{match[1]}\\." if match[1] else ":\\//", line)
    return _LEADING.sub(r"\1\3\\\2\4", line)


# Most of what is escaped: words of letters with the signs of sentences, single spaces between them.
_HARMLESS = re.compile(r"[A-Za-z][A-Za-z0-9,;()'/%-]*(?:(?: |\. )[A-Za-z0-9,;()'/%-]+)*\.?")
_MARK = re.compile(r"[\\`*_\[\]<>&|~#]")
_ADDRESS = re.compile(r"\b([wW]{3})\.|(:)//")
# Marks of lists and rules; a date or a number with a fraction, as in 2026-01-15, is none.
_LEADING = re.compile(r"^()([-+=])|^(\d+)([.)])(?= |$)")


def fence(text: str, language: str = "") -> str:
    """Return hostile text as a code block that it cannot close."""
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    marks = "`" * (longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def data_block(kind: str, text: str) -> str:
    """Return text for a model as a block that it cannot end by itself: the marks carry a digest of it."""
    text = redact(printable(text))
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
    return f'<data kind="{kind}" id="{mark}">\n{text}\n</data id="{mark}">'


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; cells are escaped."""
    lines = ["| " + " | ".join(headers) + " |", "|" + " --- |" * len(headers)]
    lines += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return text without control characters, terminal escapes, and characters that hide or reorder others."""
    return _UNSEEN.sub("", text)


def one_line(text: str) -> str:
    """Return text for one line of a log or a terminal: printable, without breaks, and of what UTF-8 can say."""
    return " ".join(printable(storable(text)).split())


def storable(text: str) -> str:
    """Return text with what UTF-8 cannot say, such as bytes of a file's name, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
