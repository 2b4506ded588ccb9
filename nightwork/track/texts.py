"""Texts that a model writes in the place of others: what may be kept of one, and the form that it takes over."""

from __future__ import annotations

import re
from collections import defaultdict

from nightwork.markdown import printable

MAX_BYTES = 1_000_000
_BOM = "\ufeff"
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]|\\r(?!\\n)")


def in_form_of(before: str, text: str) -> str:
    """Return a new text in the form of the one before, of which its writer saw only what is printable.

    Line ends and the mark at the beginning are those of before; a line that stays keeps the signs that are not shown,
    such as the joiners of Persian.
    """
    *lines, end = before.removeprefix(_BOM).split("\n")
    usual = "\r\n" if sum(line.endswith("\r") for line in lines) * 2 > len(lines) else "\n"
    known: dict[str, list[str]] = defaultdict(list)
    for line in reversed([*(f"{line}\n" for line in lines), end]):
        known[printable(line).removesuffix("\n")].append(line)
    *written, last = text.removeprefix(_BOM).replace("\r\n", "\n").split("\n")
    told = [_ended(known[line].pop() if known[line] else line, usual) for line in written]
    return "".join([_BOM * before.startswith(_BOM), *told, (known[last] or [last]).pop().rstrip("\r\n")])


def _ended(line: str, usual: str) -> str:
    return line if line.endswith("\n") else line + usual


def unfit(text: str) -> str:
    """Say why a text cannot be a file of a module; empty when it can."""
    if found := _CONTROL.search(text):
        return f"the text holds the control character U+{ord(found[0]):04X}; write it as an escape, or leave it out"
    size = len(text.encode("utf-8", "replace"))
    return f"the text has {size:,} bytes; at most {MAX_BYTES:,} are kept" if size > MAX_BYTES else ""
