"""TypeScript and JavaScript, read through tree-sitter's grammars for them, an optional extra.

Without the extra their files are modules that cannot be read, and say what to install.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightwork.module_spec.source.language import comments
from nightwork.module_spec.source.language.ecmascript import grammar
from nightwork.module_spec.source.skeleton import Skeleton

if TYPE_CHECKING:
    from tree_sitter import Tree


@dataclass
class Ecmascript:
    """A language of the family."""

    name: str
    suffixes: frozenset[str]

    def read(self, path: str, source: bytes) -> Skeleton:
        """Return what a file tells; what has no correct syntax has an error, and the symbols that were found."""
        try:
            tree = grammar.parse(path, source)
        except ImportError:
            return self._bare(path, source, grammar.MISSING)
        return self._skeleton(path, source, tree)

    def _bare(self, path: str, source: bytes, error: str = "") -> Skeleton:
        source_hash = hashlib.blake2b(source, digest_size=16).hexdigest()
        lines = source.count(b"\n") + (not source.endswith(b"\n") and bool(source))
        is_generated = comments.says_generated(source)
        return Skeleton(path, self.name, len(source), lines, source_hash, source_hash, error, is_generated=is_generated)

    def _skeleton(self, path: str, source: bytes, tree: Tree) -> Skeleton:
        from nightwork.module_spec.source.language.ecmascript.reading import skeleton_of

        return skeleton_of(self._bare(path, source), tree.root_node)


TYPESCRIPT = Ecmascript("typescript", grammar.TYPESCRIPT)
JAVASCRIPT = Ecmascript("javascript", grammar.JAVASCRIPT)
