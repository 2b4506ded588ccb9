"""The text of a Python file as the syntax tree counts it: UTF-8 bytes, lines that end in a newline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nightwork.module_spec.source.language import comments
from nightwork.module_spec.source.skeleton import Marker

_COOKIE = re.compile(rb"\A(?:[ \t\f]*(?:#[^\n]*)?\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")
_BOM = b"\xef\xbb\xbf"
_STRING = (
    rb"\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\"|\Z)|'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\Z)"
    rb"|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?"
)
_COMMENT = re.compile(_STRING + rb"|(#[^\n]*+)", re.DOTALL)
_PIECE = re.compile(
    rb"(?P<string>" + _STRING + rb")|(?P<comment>#[^\n]*+)|(?P<space>(?:[ \t\f\n]|\\\n)++)"
    rb"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comma>,)|(?P<colon>:)|(?P<other>[^\"'# \t\f\n\\()\[\]{},:]++|.)",
    re.DOTALL,
)
_TO_BE_CLOSED_UP = ("( ", "[ ", "{ ", " )", " ]", " }", ",)", ",]", ",}")


class Source:
    """One file's text, to be cut by the positions of the syntax tree."""

    def __init__(self, source: bytes) -> None:
        self._lines = _as_utf8(source).split(b"\n")
        self.calls_imports = b"import_module" in source or b"__import__" in source

    def text(self, node: Any, limit: int) -> str:
        """Return what a node was written as, on one line, at most `limit` characters of it."""
        raw = self._cut(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return _shown(raw, limit)

    def head(self, node: Any, limit: int) -> str:
        """Return a function or a class up to the colon before its body, on one line."""
        body = node.body[0]
        line = self._cut(node.lineno, node.col_offset, node.lineno, None).rstrip()
        if line.endswith(b":") and body.lineno > node.lineno and _is_whole(line):
            return _shown(line[:-1], limit)
        return _shown(self._cut(node.lineno, node.col_offset, body.lineno, body.col_offset), limit, until_colon=True)

    def markers(self) -> Iterator[Marker]:
        """Yield what comments leave to do, in order."""
        text = b"\n".join(self._lines)
        line, counted = 1, 0
        for found in _COMMENT.finditer(text):
            if found[1] and comments.may_hold_markers(found[1]):
                line, counted = line + text.count(b"\n", counted, found.start()), found.start()
                if marker := comments.marker(found[1].decode("utf-8", "replace"), line):
                    yield marker

    def _cut(self, line: int, column: int, end_line: int, end_column: int | None) -> bytes:
        if line == end_line:
            return self._lines[line - 1][column:end_column] if line <= len(self._lines) else b""
        first, *rest = self._lines[line - 1 : end_line] or [b""]
        last = rest.pop()[:end_column] if len(rest) == end_line - line else b""
        return b"\n".join([first[column:], *rest, last])


def _shown(raw: bytes, limit: int, until_colon: bool = False) -> str:
    most = limit * 8  # white space and comments go, and a character has up to four bytes
    return shortened(on_one_line(raw[:most], until_colon) + "…" * (len(raw) > most), limit)


def shortened(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, an ellipsis in the place of the rest."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def on_one_line(raw: bytes, until_colon: bool = False) -> str:
    """Return source text without comments, each run of white space outside of strings one space or none.

    `until_colon`: no more than what stands before the first colon that is in no bracket.
    """
    text = raw.decode("utf-8", "replace")
    if not until_colon and _is_tidy(text):
        return text.strip()
    return b"".join(_pieces(raw, until_colon)).strip().decode("utf-8", "replace")


def _is_tidy(text: str) -> bool:
    """Say whether nothing is to be taken out of a text; nearly all are so, and this is much the fastest way to know."""
    if "  " in text or "#" in text or "\\" in text or not text.isprintable():
        return False
    return not any(map(text.__contains__, _TO_BE_CLOSED_UP))


def _pieces(raw: bytes, until_colon: bool) -> list[bytes]:
    pieces: list[bytes] = []
    commas: list[int] = []  # of each open bracket
    for found in _PIECE.finditer(raw):
        kind, piece = found.lastgroup, found[0]
        if kind == "space":
            if pieces and pieces[-1] not in _OPEN and pieces[-1] != b" ":
                pieces.append(b" ")
            continue
        if kind == "colon" and until_colon and not commas:
            break
        if kind == "open":
            commas.append(0)
        elif kind == "comma" and commas:
            commas[-1] += 1
        elif kind == "close":
            _close(pieces, commas.pop() if commas else 0, until_colon and not commas)
        if kind != "comment":
            pieces.append(piece)
    return pieces


_OPEN = frozenset({b"(", b"[", b"{"})


def _close(pieces: list[bytes], commas: int, is_outermost: bool) -> None:
    """Take out the space and the comma before a closing bracket, unless the comma is what makes it a tuple."""
    if pieces and pieces[-1] == b" ":
        pieces.pop()
    if pieces and pieces[-1] == b"," and (commas > 1 or is_outermost):
        pieces.pop()


def _is_whole(line: bytes) -> bool:
    """Say whether a line that ends in a colon is a whole head: no bracket is open, no text or comment could mislead."""
    if len(line.translate(None, b"#\"'")) != len(line):
        return False
    count = line.count
    return count(b"(") == count(b")") and count(b"[") == count(b"]") and count(b"{") == count(b"}")


def _as_utf8(source: bytes) -> bytes:
    """Return a source that Python has parsed as the parser saw it."""
    if b"\r" in source:
        source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if source.startswith(_BOM):
        return source[len(_BOM) :]
    if found := _COOKIE.match(source[:1_000]):
        return source.decode(found[1].decode("ascii"), "replace").encode("utf-8", "replace")
    return source
