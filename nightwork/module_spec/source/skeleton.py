"""What one pass over a source file tells: names, signatures to the letter, imports, what is raised; never its bodies.

A skeleton is plain data: it crosses process boundaries, and stands in each spec as the baseline of drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EdgeKind(StrEnum):
    """When an import takes effect."""

    TOP_LEVEL = "top-level"  # whenever the module is imported
    CONDITIONAL = "conditional"  # under an `if` or `try` of the module's body
    LAZY = "lazy"  # inside a function, when it is called
    TYPE_CHECKING = "type-checking"  # for type checkers alone


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's target as it is written: `from ..a.b import c, d` is level 2, `a.b`, names c and d.

    `names` is empty for a plain `import a.b`. In languages that import files, `module` is the specifier as written.
    """

    module: str
    names: tuple[str, ...]
    level: int
    kind: EdgeKind
    line: int


class SymbolKind(StrEnum):
    """What a name is."""

    FUNCTION = "function"
    METHOD = "method"
    PROPERTY = "property"
    CLASS = "class"
    INTERFACE = "interface"  # TypeScript
    TYPE = "type"  # a type alias, or an enumeration of TypeScript
    CONSTANT = "constant"  # a variable of the module
    FIELD = "field"  # an annotated or assigned variable of a class's body


@dataclass(frozen=True, slots=True)
class Raised:
    """An error that a function raises: its name, and the condition under which, as written; "" when there is none."""

    error: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One name that a file defines at its top level or in a class, in the order of the source.

    `name` is qualified inside the file (`Class.method`). `signature` is the source's text on one line, comments and
    runs of white space taken out: `def f(a: int = 1) -> str`, `class A(Base, metaclass=M)`, `LIMIT: int = 3`.
    `body` is a digest of the syntax tree without signature, docstring and nested symbols of its own.
    """

    name: str
    kind: SymbolKind
    signature: str
    summary: str  # the first paragraph of the docstring, on one line
    body: str
    line: int
    lines: int
    is_public: bool
    decorators: tuple[str, ...] = ()  # as written, without the @
    complexity: int = 1  # cyclomatic, of functions and methods
    raises: tuple[Raised, ...] = ()
    calls: tuple[str, ...] = ()  # names of this file's symbols that it calls, in the order of the source
    documented: bool = False

    @property
    def face(self) -> str:
        """What concerns who uses it: the signature, of a constant without its value.

        A version that is raised with each release would else concern every module that needs its module.
        """
        return self.signature.partition(" = ")[0] if self.kind is SymbolKind.CONSTANT else self.signature


@dataclass(frozen=True, slots=True)
class Marker:
    """A TODO, FIXME, XXX or HACK in a comment, with its text."""

    word: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What one file tells. A file that cannot be parsed has an `error` and may have symbols found by text alone."""

    path: str  # relative to the project's root, with slashes
    language: str
    size: int  # bytes
    lines: int
    source_hash: str  # of the bytes
    tree_hash: str  # of the syntax tree, docstrings included: comments, white space, import order do not count
    error: str = ""
    docstring: str = ""
    exports: tuple[str, ...] | None = None  # __all__, as far as it is a literal
    symbols: tuple[Symbol, ...] = ()
    imports: tuple[Import, ...] = ()
    markers: tuple[Marker, ...] = ()
    is_generated: bool = False  # says so in its first lines

    def public(self) -> list[Symbol]:
        """Return the symbols that other files are meant to use."""
        return [symbol for symbol in self.symbols if symbol.is_public]
