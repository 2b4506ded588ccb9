"""What a text hides from its readers and not from a model: taken out, and told.

A tracker shows Markdown rendered: without comments, without what HTML hides, without characters that have no glyph.
What nobody could see when the ticket was approved is not part of what was approved. Code blocks are shown as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from markdown_it import MarkdownIt

from nightwork.markdown import printable

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]{0,30})((?:[^<>\"']++|\"[^\"]{0,500}\"|'[^']{0,500}')*+)>")
_START = re.compile(r"<(?=[A-Za-z!?/])|^[ ]{0,3}\[(?=[^\]\n]{1,100}\]:)", re.MULTILINE)
_REMARK = re.compile(
    r"\[[^\]\n]{1,100}\]:[ \t]*\S*[ \t]*(?:\n[ \t]*)?(?:\"[^\"]{0,5000}\"|'[^']{0,5000}'|\([^)]{0,5000}\))"
)
_NEVER_SHOWN = frozenset({"script", "style", "template", "noscript", "title", "details", "head", "iframe", "object"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_HIDES = re.compile(
    r"(?i)(?:^|\s)hidden(?=[\s=/]|$)|display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}(?:hidden|collapse)"
    r"|opacity\s{0,5}:\s{0,5}0(?![.\d]*[1-9])|font-size\s{0,5}:\s{0,5}0|(?:^|[;\"'\s])(?:max-)?(?:height|width)\s{0,5}:\s{0,5}0"
)
_KINDS = (
    ("tag characters", re.compile("[\U000e0000-\U000e007f]")),
    ("characters that reorder text", re.compile("[\u061c\u202a-\u202e\u2066-\u2069]")),
    ("variation selectors in a row", re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}")),
    ("soft hyphens", re.compile("\u00ad")),
    ("invisible characters", re.compile(
        "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb]"
    )),
    ("joiners within a word", re.compile("(?<=[A-Za-z0-9])[\u200c\u200d]")),
    ("control characters", re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")),
)  # fmt: skip


def reveal_line(text: str) -> tuple[str, Counter[str]]:
    """Return one line without what cannot be seen, and how often each kind of that stood there."""
    found = Counter({kind: sum(len(each) for each in pattern.findall(text)) for kind, pattern in _KINDS})
    return printable(text), +found


def reveal(text: str) -> tuple[str, Counter[str]]:
    """Return Markdown without what its rendering hides, and how often each kind of that stood there."""
    text, found = reveal_line(text)
    parts = []
    for part, is_code in _parts(text):
        if not is_code:
            part, hidden = _rendered(part)
            found += hidden
        parts.append(part)
    return "".join(parts), found


def told(found: Counter[str]) -> tuple[str, ...]:
    """Return what was taken out, as people read it."""
    return tuple(f"{count} {kind}" for kind, count in sorted(found.items()))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Split a text into its code blocks and what is between them."""
    lines, at = text.splitlines(keepends=True), 0
    for token in MarkdownIt("commonmark").disable("inline").parse(text):
        if token.type in {"fence", "code_block"} and token.map and token.map[0] >= at:
            yield "".join(lines[at : token.map[0]]), False
            yield "".join(lines[token.map[0] : token.map[1]]), True
            at = token.map[1]
    yield "".join(lines[at:]), False


def _rendered(text: str) -> tuple[str, Counter[str]]:
    parts: list[str] = []
    found: Counter[str] = Counter()
    at = 0
    while start := _START.search(text, at):
        end, kind = _hidden_at(text, start)
        parts += [text[at : start.start()], "" if kind else text[start.start() : end]]
        found += Counter([kind] if kind else [])
        at = end
    return "".join([*parts, text[at:]]), found


def _hidden_at(text: str, start: re.Match[str]) -> tuple[int, str | None]:
    """Return where what begins here ends, and what it is; None for what is shown."""
    at = start.start()
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", "?>")):
        if text.startswith(opening, at):
            end = text.find(closing, at + len(opening))
            is_short_comment = opening == "<!--" and text.startswith((">", "->"), at + 4)
            if is_short_comment:
                return text.index(">", at + 4) + 1, "HTML comments"
            return (end + len(closing) if end >= 0 else len(text)), "HTML comments"
    if not text.startswith("<", at):
        remark = _REMARK.match(text, start.end() - 1)
        return (remark.end(), "hidden remarks") if remark else (start.end(), None)
    tag = _TAG.match(text, at)
    if tag is None or tag[1]:
        return at + 1, None
    name = tag[2].lower()
    if name in _NEVER_SHOWN or _HIDES.search(tag[3]):
        is_alone = name in _VOID or tag[3].rstrip().endswith("/")
        return (tag.end() if is_alone else _closing(text, tag.end(), name)), "hidden HTML elements"
    return tag.end(), None


def _closing(text: str, at: int, name: str) -> int:
    """Return where an element ends, those of the same name in it passed over; unclosed ones reach to the end."""
    depth = 1
    for tag in re.compile(rf"(?i)<(/?){re.escape(name)}(?![A-Za-z0-9-])[^<>]{{0,2000}}>").finditer(text, at):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return tag.end()
    return len(text)
