"""The form that a text of a model takes over from the one before it: line ends, and signs that nobody sees."""

from __future__ import annotations

from collections import defaultdict

from nightwork.markdown import printable

_BOM = "\ufeff"


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
