"""The languages of which skeletons are made: the port, and the one that a file's name asks for."""

from __future__ import annotations

from functools import cache
from typing import Protocol

from nightwork.module_spec.source.skeleton import Skeleton

_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")


class Language(Protocol):
    """Reads the source files of one language."""

    name: str
    suffixes: frozenset[str]

    def read(self, path: str, source: bytes) -> Skeleton:
        """Return what a file tells; one that cannot be parsed has an error. Nothing is read from disk."""


def language_of(path: str) -> Language | None:
    """Return the language of a file by its name; None for what is no source file of a known one.

    A `.pyi` or `.d.ts` is none: it stands beside a module, and is not one.
    """
    if path.endswith(_DECLARATIONS):
        return None
    stem, _, suffix = path.rpartition("/")[2].rpartition(".")
    return _by_suffix().get(f".{suffix}") if stem else None


@cache
def _by_suffix() -> dict[str, Language]:
    """Import what is needed to name the languages; a parser that is slow to import is left to `read`."""
    from nightwork.module_spec.source.language.ecmascript import JAVASCRIPT, TYPESCRIPT
    from nightwork.module_spec.source.language.python import Python

    languages: tuple[Language, ...] = (Python(), TYPESCRIPT, JAVASCRIPT)
    return {suffix: language for language in languages for suffix in language.suffixes}
