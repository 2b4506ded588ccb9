"""What a module shows to those who need it: the part of its spec that stands in for its source.

It is at most so many tokens long, names the most important first when it has to leave some out, and is the same text
for the same skeletons, whatever changes inside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nightwork.llm.estimate import BYTES_PER_TOKEN
from nightwork.module_spec.source.skeleton import Skeleton, Symbol, SymbolKind
from nightwork.redact import redact

MAX_INTERFACE_TOKENS = 300
_MAX_SIGNATURE = 160
_SHORTEST = 4  # bytes of a line that tells anything
_MAX_LINE = 120
_RANKS = (
    frozenset({SymbolKind.CLASS, SymbolKind.INTERFACE, SymbolKind.TYPE, SymbolKind.FUNCTION}),
    frozenset({SymbolKind.METHOD, SymbolKind.PROPERTY}),
    frozenset({SymbolKind.CONSTANT}),
    frozenset({SymbolKind.FIELD}),
)


def interface_text(skeletons: Sequence[Skeleton], purpose: str, described: Mapping[str, str]) -> str:
    """Return a unit's purpose and its public names with their signatures, at most 300 tokens, one thing a line.

    What a name is for comes from its docstring, else from `described`, by its qualified name. Secrets are left to
    whoever hands the text on: `nightwork.markdown.data_block` takes them out.
    """
    symbols = [symbol for skeleton in skeletons for symbol in skeleton.public()]
    head = _line(purpose, _MAX_LINE * 2)
    room = MAX_INTERFACE_TOKENS * BYTES_PER_TOKEN - _size(head) - _size(_left_out(len(symbols)))
    shown: dict[int, str] = {}
    for place in _by_importance(symbols):
        if room < _SHORTEST:
            break
        for text in _forms(symbols[place], described):
            if _size(text) <= room:
                room -= _size(text)
                shown[place] = text
                break
    missing = len(symbols) - len(shown)
    lines = [head, *(shown[place] for place in sorted(shown)), _left_out(missing) if missing else ""]
    return "\n".join(line for line in lines if line)


def _by_importance(symbols: Sequence[Symbol]) -> Iterable[int]:
    return sorted(range(len(symbols)), key=lambda place: (_rank(symbols[place]), place))


def _rank(symbol: Symbol) -> int:
    return next(rank for rank, kinds in enumerate(_RANKS) if symbol.kind in kinds)


def _forms(symbol: Symbol, described: Mapping[str, str]) -> tuple[str, ...]:
    """Return how a name can be told, the longest form first."""
    indent = "  " * symbol.name.count(".")
    signature = indent + _line(symbol.face, _MAX_SIGNATURE)
    said = _line(symbol.summary or described.get(symbol.name, ""), _MAX_LINE)
    return (f"{signature}  # {said}", signature) if said else (signature,)


def _line(text: str, most: int) -> str:
    """Return a text as one line; of a secret nothing is left where it is cut, for half of one has no shape."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    line = redact(line)
    return line if len(line) <= most else f"{line[: most - 3]}..."


def _left_out(count: int) -> str:
    return f"... {count} more public names"


def _size(line: str) -> int:
    return len(line.encode("utf-8", "replace")) + 1
