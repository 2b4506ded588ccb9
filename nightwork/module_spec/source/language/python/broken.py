"""What a Python file that cannot be parsed still tells by its text."""

from __future__ import annotations

import re

from nightwork.module_spec.source.skeleton import Symbol, SymbolKind

_MOST = 2_000
_DEFINITION = re.compile(
    r"^(?P<indent>[ \t]{0,100})(?:async[ \t]{1,20})?(?P<word>def|class)[ \t]{1,20}(?P<name>[^\W\d]\w{0,200})"
    r"(?P<rest>[^\n]{0,300})",
    re.MULTILINE,
)


def error_of(error: Exception, source: bytes) -> str:
    """Say in one line why a file cannot be parsed, with the line where that is known."""
    if isinstance(error, RecursionError | MemoryError):
        return "nested too deeply, or too large, to be parsed"
    line = getattr(error, "lineno", None)
    message = str(getattr(error, "msg", "") or error)
    if b"\0" in source:
        line, message = source.count(b"\n", 0, source.index(b"\0")) + 1, "null bytes"
    elif not line and (place := _undecodable(source)) is not None:
        line = source.count(b"\n", 0, place) + 1
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in message[:200])
    return f"line {line}: {shown}" if line else shown


def _undecodable(source: bytes) -> int | None:
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None


def symbols_of(source: bytes) -> tuple[Symbol, ...]:
    """Return the functions and classes, and what stands directly in a class, as their lines say."""
    text = source.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    outer: list[tuple[int, str, bool]] = []  # indent, name, is a class
    seen: dict[str, int] = {}
    symbols: list[Symbol] = []
    line, counted = 1, 0
    for found in _DEFINITION.finditer(text):
        line, counted = line + text.count("\n", counted, found.start()), found.start()
        indent, is_class = len(found["indent"].expandtabs()), found["word"] == "class"
        while outer and outer[-1][0] >= indent:
            outer.pop()
        is_symbol = outer[-1][2] if outer else indent == 0
        name = f"{outer[-1][1]}.{found['name']}" if outer else found["name"]
        outer.append((indent, name, is_class and is_symbol))
        if is_symbol:
            seen[name] = number = seen.get(name, 0) + 1
            kind = SymbolKind.CLASS if is_class else SymbolKind.METHOD if "." in name else SymbolKind.FUNCTION
            signature = " ".join(found[0].split()).partition(" #")[0].removesuffix(":")
            unique = name if number == 1 else f"{name}#{number}"
            is_public = not any(part.startswith("_") for part in name.split("."))
            symbols.append(Symbol(unique, kind, signature, "", "", line, 1, is_public))
        if len(symbols) == _MOST:
            break
    return tuple(symbols)
