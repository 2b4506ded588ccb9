"""The tree-sitter grammars of TypeScript and JavaScript, loaded when the first file is read."""

from __future__ import annotations

import functools
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree

TYPESCRIPT = frozenset({".ts", ".tsx", ".mts", ".cts"})
JAVASCRIPT = frozenset({".js", ".jsx", ".mjs", ".cjs"})
MISSING = "install nightwork[typescript] to read TypeScript and JavaScript"
_BOM = b"\xef\xbb\xbf"


def parse(path: str, source: bytes) -> Tree:
    """Return the syntax tree of a file; raises ImportError when the grammars are not installed."""
    suffix = PurePosixPath(path).suffix
    grammar = "javascript" if suffix in JAVASCRIPT else "typescript" if suffix in {".ts", ".mts", ".cts"} else "tsx"
    source = b"   " + source[3:] if source.startswith(_BOM) else source
    tree = _parser(grammar).parse(source)
    if grammar == "javascript" and tree.root_node.has_error:
        typed = _parser("tsx").parse(source)  # annotations of a type checker's dialect
        return tree if typed.root_node.has_error else typed
    return tree


@functools.cache
def _parser(grammar: str) -> Parser:
    from tree_sitter import Language, Parser

    if grammar == "javascript":
        from tree_sitter_javascript import language
    elif grammar == "typescript":
        from tree_sitter_typescript import language_typescript as language
    else:
        from tree_sitter_typescript import language_tsx as language
    return Parser(Language(language()))
