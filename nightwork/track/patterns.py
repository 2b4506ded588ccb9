"""Where the files of a track stand: paths in which `{number}` and `{name}` stand for a module's own."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from nightwork.beneath import is_gits_own
from nightwork.markdown import printable

MAX_NUMBER = 99_999
_MAX_LENGTH = 200
_OURS = frozenset({".nightwork", ".checkpoints"})
_PLACEHOLDER = re.compile(r"\{(number)(?::0?([1-5]))?\}|\{name\}")


@dataclass(frozen=True)
class Found:
    """A file whose path has the form of a pattern, with what stands there for number and name."""

    path: str
    number: int
    name: str
    is_link: bool


def checked_pattern(text: str) -> str:
    """Return the text of a pattern; raises ValueError when it is none, or could lead out of its folder."""
    literal = _PLACEHOLDER.sub("x", text)
    if re.search(r"[{}]", literal):
        raise ValueError("only {number}, {number:02} and {name} stand for something in a path")
    if re.search(r"\}\{", text):
        raise ValueError("two placeholders need a sign between them, or nobody could tell where one ends")
    if re.search(r"[*?\[\]]", literal):
        raise ValueError("*, ? and [] stand for nothing here; write {number} and {name}")
    return checked_path(text)


def checked_path(text: str) -> str:
    """Return a path below the folder of a track; raises ValueError when it leads out or into what is not of a track."""
    if not text or len(text) > _MAX_LENGTH or printable(text) != text or re.search(r"[\\:\n\t]|\s$", _plain(text)):
        raise ValueError(f"expected a plain path of at most {_MAX_LENGTH} signs, folders parted by /")
    parts = text.split("/")
    if text.startswith(("/", "~")) or ".." in parts:
        raise ValueError("leads out of the folder of the track; name a path below it")
    if "" in parts or "." in parts:
        raise ValueError("has an empty part; write folder/file")
    for part in parts:
        if is_gits_own(part) or part.rstrip(" .").casefold() in _OURS:
            raise ValueError(f"{part!r} holds no documents: it belongs to git or to nightwork")
    return text


def checked_name(name: str) -> str:
    """Return the name of a module; raises ValueError unless it is letters, digits, and single signs between them."""
    plain = unicodedata.normalize("NFC", name)
    odd = [sign for sign in plain if not (sign.isalnum() or unicodedata.category(sign)[0] == "M" or sign in " ._-")]
    if odd or printable(plain) != plain:
        raise ValueError("a name holds letters, digits, spaces and the signs . _ - only")
    if not plain or len(plain) > _MAX_LENGTH // 2 or not plain[0].isalnum() or plain[-1] in " ." or ".." in plain:
        raise ValueError(
            f"a name begins with a letter or a digit, does not end in a dot or a space, has no two dots together, "
            f"and has at most {_MAX_LENGTH // 2} signs"
        )
    return name


PatternText = Annotated[str, AfterValidator(checked_pattern)]
PathText = Annotated[str, AfterValidator(checked_path)]
ModuleName = Annotated[str, AfterValidator(checked_name)]


def has_number(pattern: str) -> bool:
    """Say whether the number of a module stands in a pattern."""
    return any(match[1] for match in _PLACEHOLDER.finditer(pattern))


def has_name(pattern: str) -> bool:
    """Say whether the name of a module stands in a pattern."""
    return "{name}" in pattern


def path_of(pattern: str, number: int, name: str) -> str:
    """Return the path of a module's own file."""
    return _PLACEHOLDER.sub(lambda match: f"{number:0{match[2] or 1}}" if match[1] else name, pattern)


def files_of(pattern: str, folder: Path) -> Iterator[Found]:
    """Yield the files below a folder whose paths have the form of a pattern, in no order.

    No link to a folder is followed: it is told as what it is when its name fits.
    """
    parts = [re.compile(_expression(part)) for part in pattern.split("/")]
    whole = re.compile(_expression(pattern))
    for path, is_link in _fitting(folder, "", parts):
        found = whole.fullmatch(path)
        if found:
            told = found.groupdict()
            yield Found(path, int(told.get("number") or 0), told.get("name") or "", is_link)
        elif is_link:
            yield Found(path, 0, "", is_link)


def _fitting(folder: Path, above: str, parts: list[re.Pattern[str]]) -> Iterator[tuple[str, bool]]:
    try:
        with os.scandir(folder / above) as entries:
            fitting = [entry for entry in entries if parts[0].fullmatch(entry.name)]
    except FileNotFoundError:
        return
    for entry in fitting:
        path = f"{above}{entry.name}"
        if entry.is_symlink() or len(parts) == 1:
            yield path, entry.is_symlink()
        elif entry.is_dir():
            yield from _fitting(folder, f"{path}/", parts[1:])


def _expression(text: str) -> str:
    """Return a regular expression for what has the form of a pattern; the same placeholder stands for the same text."""
    told: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        kind = match[1] or "name"
        is_first = f"(?P<{kind}>" not in "".join(told)
        signs = "[0-9]+" if match[1] else "[^/]+"
        told += [re.escape(text[end : match.start()]), f"(?P<{kind}>{signs})" if is_first else f"(?P={kind})"]
        end = match.end()
    return "".join(told) + re.escape(text[end:])


def _plain(text: str) -> str:
    return _PLACEHOLDER.sub("x", text)
