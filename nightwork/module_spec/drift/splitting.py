"""Signatures taken apart by their brackets, for languages without a parser at hand and for what is no function."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">"}
_TOKEN = re.compile(r"""=>|[=!<>]=+|->|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|.""", re.DOTALL)


def split(text: str, separator: str, most: int = -1) -> list[str] | None:
    """Split a text at the separators outside of brackets and strings, `most` times at most; None when unbalanced."""
    parts, start, open_ = [], 0, list[str]()
    for token, at in _tokens(text):
        if token == separator and not open_ and most != 0:
            parts.append(text[start:at].strip())
            start, most = at + len(token), most - 1
        elif not _follow(token, open_):
            return None
    return None if open_ else [*parts, text[start:].strip()]


def parenthesised(text: str) -> tuple[str, str, str] | None:
    """Return what stands before, in and behind the first parentheses that are in no other bracket."""
    open_: list[str] = []
    start = -1
    for token, at in _tokens(text):
        if token == "(" and not open_:
            start = at
        if not _follow(token, open_):
            return None
        if token == ")" and not open_:
            return text[:start].strip(), text[start + 1 : at].strip(), text[at + 1 :].strip()
    return None


def tight(text: str) -> str:
    """Return a text without the white space that tells nothing: outside of strings none but that between two words."""
    parts: list[str] = []
    was_space = False
    for token, _ in _tokens(text):
        if not token.isspace():
            is_between_words = parts and was_space and _is_word(parts[-1][-1]) and _is_word(token[0])
            parts += [" ", token] if is_between_words else [token]
        was_space = token.isspace()
    return "".join(parts)


def _is_word(character: str) -> bool:
    return character.isalnum() or character in "_$"


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    for found in _TOKEN.finditer(text):
        yield found[0], found.start()


def _follow(token: str, open_: list[str]) -> bool:
    """Keep the brackets that are open up to date; says whether they still fit each other."""
    if token in _CLOSERS:
        open_.append(_CLOSERS[token])
    elif token in {")", "]", "}"}:
        return bool(open_) and open_.pop() == token
    elif token == ">" and open_ and open_[-1] == ">":
        open_.pop()
    return True
