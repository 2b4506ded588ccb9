"""Python, by the standard library's own parser; nothing of what is read is ever run."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import replace
from hashlib import blake2b
from inspect import cleandoc
from itertools import islice

from nightwork.module_spec.source.language import comments
from nightwork.module_spec.source.language.python import broken
from nightwork.module_spec.source.language.python.source import Source, shortened
from nightwork.module_spec.source.language.python.symbols import finished
from nightwork.module_spec.source.language.python.tree import Reader
from nightwork.module_spec.source.language.python.words import digest
from nightwork.module_spec.source.skeleton import Skeleton

_DOCSTRING = 8_000
_NAME = "<source that nightwork reads>"
_TEST_FILE = re.compile(r"test_.*|.*_test|tests?|conftest", re.DOTALL)


class Python:
    """Python 3, of the version that runs this."""

    name = "python"
    suffixes = frozenset({".py", ".pyw"})

    def read(self, path: str, source: bytes) -> Skeleton:
        """Return what a file tells; one that cannot be parsed has an error, and what its text tells of its names."""
        try:
            return self._parsed(path, source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return replace(
                self._counted(path, source),
                error=broken.error_of(error, source),
                symbols=broken.symbols_of(source),
            )

    def _parsed(self, path: str, source: bytes) -> Skeleton:
        _ignore_warnings()
        tree = ast.parse(source, _NAME)
        text = Source(source)
        reader = Reader(text, with_asserts=not _is_test(path))
        reader.read(tree)
        names = reader.exports.names
        markers = text.markers() if comments.may_hold_markers(source) else ()
        return replace(
            self._counted(path, source),
            tree_hash=digest(reader.words),
            docstring=shortened(cleandoc(reader.docstring), _DOCSTRING) if reader.docstring else "",
            exports=None if names is None else tuple(names),
            symbols=finished(reader.drafts, reader.exports),
            imports=tuple(reader.imports),
            markers=tuple(islice(markers, comments.MOST_MARKERS)),
        )

    def _counted(self, path: str, source: bytes) -> Skeleton:
        hashed = blake2b(source, digest_size=16).hexdigest()
        lines = source.count(b"\n") + (not source.endswith(b"\n") and source != b"")
        is_generated = comments.says_generated(source)
        return Skeleton(path, self.name, len(source), lines, hashed, tree_hash=hashed, is_generated=is_generated)


def _is_test(path: str) -> bool:
    *folders, name = path.split("/")
    return any(map(_TEST_FILE.fullmatch, (*folders, name.rpartition(".")[0])))


def _ignore_warnings() -> None:
    """Ignore what the parser has to say of the sources, which have a name of their own, and nothing else.

    A filter that is added changes nothing for other threads, while `catch_warnings` puts back an earlier list.
    """
    wanted = ("ignore", None, Warning, re.compile(re.escape(_NAME)), 0)
    if wanted not in warnings.filters:
        warnings.filterwarnings("ignore", module=re.escape(_NAME))
