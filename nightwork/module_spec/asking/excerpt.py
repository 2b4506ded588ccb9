"""A unit's source as far as a model gets to see it: cut at declarations, the largest first, never in the middle of one.

Secrets are taken out before anything is cut: half a secret has no shape by which it is known.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nightwork.llm.estimate import BYTES_PER_TOKEN
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind
from nightwork.redact import find, redact

_MAX_SIGNATURE = 300
_NESTING = frozenset({SymbolKind.CLASS, SymbolKind.INTERFACE})


@dataclass(frozen=True)
class Shown:
    """A unit's source, and the declarations of which only the signature is left."""

    text: str
    cut: tuple[str, ...]
    is_truncated: bool


@dataclass
class _File:
    path: str
    lines: list[str]
    cut: list[tuple[Symbol, str]] = field(default_factory=list)

    def text(self) -> str:
        lines = list(self.lines)
        for symbol, kept in sorted(self.cut, key=lambda each: -each[0].line):
            lines[symbol.line - 1 : symbol.line - 1 + symbol.lines] = [kept]
        return "\n".join([f"=== {' '.join(self.path.split())}", *lines])


def shown(skeletons: Sequence[Skeleton], sources: Mapping[str, str], max_tokens: int) -> Shown:
    """Return the source of a unit's files in at most so many tokens."""
    files = [_File(each.path, _lines(sources.get(each.path, ""))) for each in skeletons]
    room = int(max_tokens * BYTES_PER_TOKEN)
    size = sum(_size(file.text()) + 1 for file in files)
    if size <= room:
        return Shown("\n".join(file.text() for file in files), (), is_truncated=False)
    cut = _cut(files, skeletons, size - room)
    text = _hard_cut("\n".join(file.text() for file in files), room)
    return Shown(text, cut, is_truncated=True)


def without_secrets(text: str) -> str:
    """Return a text without its secrets, of as many lines as before."""
    parts, at = [], 0
    for match in find(text):
        lines = text.count("\n", match.start, match.end)
        parts += [text[at : match.start], f"[redacted {match.kind}]", "\n" * lines]
        at = match.end
    return "".join([*parts, text[at:]])


def _lines(source: str) -> list[str]:
    return without_secrets(source.replace("\r\n", "\n").replace("\r", "\n")).split("\n")


def _cut(files: Sequence[_File], skeletons: Sequence[Skeleton], excess: int) -> tuple[str, ...]:
    """Cut bodies until so many bytes are gone, the largest first; returns their names."""
    candidates = []
    for file, skeleton in zip(files, skeletons, strict=True):
        for symbol in _leaves(skeleton.symbols):
            kept = _kept(symbol, file.lines)
            gain = _gain(symbol, file.lines, kept)
            if gain > 0:
                candidates.append((gain, file, symbol, kept))
    names = []
    for gain, file, symbol, kept in sorted(candidates, key=lambda each: -each[0]):
        if excess <= 0:
            break
        file.cut.append((symbol, kept))
        names.append(symbol.name)
        excess -= gain
    return tuple(names)


def _leaves(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Return declarations that hold no other; two on the same lines count once."""
    parents = {symbol.name.rpartition(".")[0] for symbol in symbols if "." in symbol.name}
    found: list[Symbol] = []
    end = 0
    for symbol in sorted(symbols, key=lambda each: (each.line, -each.lines)):
        is_nest = symbol.kind in _NESTING and symbol.name in parents
        if not is_nest and symbol.line > end:
            found.append(symbol)
            end = symbol.line + symbol.lines - 1
    return found


def _kept(symbol: Symbol, lines: Sequence[str]) -> str:
    first = lines[symbol.line - 1] if symbol.line <= len(lines) else ""
    indent = first[: len(first) - len(first.lstrip())][:40]
    marks = [f"{indent}@{mark}"[:_MAX_SIGNATURE] for mark in symbol.decorators] if first.lstrip()[:1] == "@" else []
    return "\n".join([*marks, indent + redact(symbol.signature)[:_MAX_SIGNATURE] + ": ..."])


def _gain(symbol: Symbol, lines: Sequence[str], kept: str) -> int:
    whole = lines[symbol.line - 1 : symbol.line - 1 + symbol.lines]
    return sum(_size(line) + 1 for line in whole) - _size(kept) - 1


def _hard_cut(text: str, room: int) -> str:
    """Cut what no cut of declarations makes short enough, at the end of a line where there is one."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= room:
        return text
    head = raw[: max(room - 40, 0)].decode("utf-8", "ignore")
    head = head[: head.rfind("\n")] if "\n" in head[len(head) // 2 :] else head
    return f"{head}\n... {text.count(chr(10), len(head))} lines more"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def decoded(source: bytes) -> str:
    """Return a file's text as its first lines say it is encoded; what cannot be read so is replaced."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    except (SyntaxError, ValueError):
        encoding = "utf-8"
    return source.decode(encoding, "replace")
