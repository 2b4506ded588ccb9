"""Reads the syntax tree of a Python file: a walk over what defines names, a digest of all the rest.

Nothing here recurses: generated code nests deeper than Python's own stack.
"""

from __future__ import annotations

import ast
from typing import Any

from nightwork.module_spec.source.language.python.imports import called_imports, for_type_checkers, imports_of, words_of
from nightwork.module_spec.source.language.python.names import Exports
from nightwork.module_spec.source.language.python.raising import raised_in
from nightwork.module_spec.source.language.python.source import Source
from nightwork.module_spec.source.language.python.symbols import Draft, Scope
from nightwork.module_spec.source.language.python.words import Found, digest, write
from nightwork.module_spec.source.skeleton import EdgeKind, Import, SymbolKind

_SIGNATURE = 4_000
_VALUE = 200
_DECORATOR = 200
_MOST_SYMBOLS = 20_000
_TYPES = {"TypeAlias", "NewType", "TypeVar", "ParamSpec", "TypeVarTuple"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_IMPORTS = (ast.Import, ast.ImportFrom)
_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")


class Reader:
    """What one file tells, once `read` has walked through its tree; `words` are those of the whole tree."""

    def __init__(self, source: Source, with_asserts: bool) -> None:
        self.drafts: list[Draft] = []
        self.imports: list[Import] = []
        self.exports = Exports()
        self.words: list[str] = []
        self.docstring: str | None = None
        self._source = source
        self._with_asserts = with_asserts
        self._pending: list[Any] = []
        self._run: list[str] = []  # words of adjacent imports

    def read(self, tree: ast.Module) -> None:
        """Walk through a tree, once."""
        scope, kind = Scope(), EdgeKind.TOP_LEVEL
        self.docstring, body = _without_docstring(tree.body)
        self._say_docstring(self.docstring)
        self._enter(body, scope, kind)
        while self._pending:
            node, scope, kind = self._pending.pop()
            if isinstance(node, _IMPORTS):
                self._run += words_of(node)
                self.imports += imports_of(node, kind)
                continue
            if self._run:
                self._end_run()
            if type(node) is str:
                self.words.append(node)
                if node == _END_OF_CLASS and scope.symbol:
                    scope.symbol.body = digest(scope.own)
            else:
                self._look_at(node, scope, kind)
        self._end_run()
        self.imports.sort(key=lambda each: each.line)

    def _look_at(self, node: Any, scope: Scope, kind: EdgeKind) -> None:
        if isinstance(node, _Function):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope, kind)
        elif targets := _names_of(node):
            if not scope.outer and self.exports.look_at(node):
                self._plain(node, scope)
            else:
                self._variable(node, targets, scope)
        elif hasattr(node, "body") or hasattr(node, "cases"):
            self._block(node, scope, kind)
        else:
            if not scope.outer:
                self.exports.look_at(node)
            self._plain(node, scope)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        draft, body = self._defined(node, SymbolKind.METHOD if scope.outer else SymbolKind.FUNCTION, scope)
        words: list[str] = []
        found = Found()
        write(body, words, found)
        draft.body = digest(words)
        self.words.append(draft.body)
        draft.complexity = 1 + found.decisions
        draft.calls = found.calls
        if draft.decorators and scope.outer and any(_is_property(decorator) for decorator in draft.decorators):
            draft.kind = SymbolKind.PROPERTY
        if any(type(noted) is ast.Raise or self._with_asserts for noted in found.noted):
            draft.raises = raised_in(body, self._source, self._with_asserts)
        self._take_imports(found)

    def _class(self, node: ast.ClassDef, scope: Scope, kind: EdgeKind) -> None:
        draft, body = self._defined(node, SymbolKind.CLASS, scope)
        inner = Scope(scope, node.name)
        inner.symbol = draft
        self._pending.append((_END_OF_CLASS, inner, kind))
        self._enter(body, inner, kind)

    def _defined(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, kind: SymbolKind, scope: Scope
    ) -> tuple[Draft, list[ast.stmt]]:
        """Return a new symbol, and its body without the docstring; all but that body is written."""
        docstring, body = _without_docstring(node.body)
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        head = self._source.head(node, _SIGNATURE)
        draft = self._draft(Draft(f"{scope.prefix}{node.name}", kind, head, scope, node.lineno, lines, docstring))
        if node.decorator_list:
            draft.decorators = tuple([self._source.text(each, _DECORATOR) for each in node.decorator_list])
        said = [node.bases, node.keywords] if isinstance(node, ast.ClassDef) else [node.args, node.returns]
        parameters = getattr(node, "type_params", None) or []
        self._digest([f"<{type(node).__name__}", node.name, node.decorator_list, parameters, *said])
        self._say_docstring(docstring)
        return draft, body

    def _variable(self, node: Any, targets: list[str], scope: Scope) -> None:
        value: list[str] = []
        if node.value is not None:
            self._digest([node.value], value)
        body = digest(value)
        target = getattr(node, "targets", None) or getattr(node, "target", None) or getattr(node, "name", None)
        parameters = getattr(node, "type_params", None) or []
        self._digest([f"<{type(node).__name__}", target, getattr(node, "annotation", None), parameters, body])
        kind = SymbolKind.FIELD if scope.outer else SymbolKind.CONSTANT
        if _is_type(node):
            kind = SymbolKind.TYPE
        signature = self._source.text(node, _VALUE)
        lines = node.end_lineno - node.lineno + 1
        for name in targets:
            draft = Draft(f"{scope.prefix}{name}", kind, signature, scope, node.lineno, lines)
            self._draft(draft).body = body

    def _block(self, node: Any, scope: Scope, kind: EdgeKind) -> None:
        """Look into a compound statement: what it defines belongs to the scope around it."""
        inner = kind if kind is EdgeKind.TYPE_CHECKING or isinstance(node, ast.With) else EdgeKind.CONDITIONAL
        kinds = dict.fromkeys(_BLOCKS, inner)
        checked = for_type_checkers(node.test) if isinstance(node, ast.If) else None
        if checked is not None:
            kinds |= {"body": EdgeKind.TYPE_CHECKING if checked else kind}
            kinds |= {"orelse": kind if checked else EdgeKind.TYPE_CHECKING}
        start = len(self.words)
        self._say(f"<{type(node).__name__}")
        fields = [getattr(node, name, None) for name in getattr(node, "_fields", ()) if name not in _BLOCKS]
        self._digest(fields)
        scope.own += self.words[start:]
        self._pending.append(("}", scope, kind))
        for name in reversed(_BLOCKS):
            if below := getattr(node, name, None):
                self._enter(below, scope, kinds[name])
                self._pending.append((f"{{{name}", scope, kind))

    def _plain(self, node: ast.stmt, scope: Scope) -> None:
        start = len(self.words)
        self._digest([node])
        if scope.outer:
            scope.own += self.words[start:]

    def _enter(self, body: list[Any], scope: Scope, kind: EdgeKind) -> None:
        self._pending += [(statement, scope, kind) for statement in reversed(body)]

    def _digest(self, nodes: Any, words: list[str] | None = None) -> None:
        found = Found()
        write(nodes, self.words if words is None else words, found)
        self._take_imports(found)

    def _take_imports(self, found: Found) -> None:
        if self._source.calls_imports and found.calls:
            self.imports += called_imports(found.calls)
        for node in found.noted:
            if isinstance(node, _IMPORTS):
                self.imports += imports_of(node, EdgeKind.LAZY)

    def _end_run(self) -> None:
        self.words += sorted(self._run)
        self._run.clear()

    def _draft(self, draft: Draft) -> Draft:
        if len(self.drafts) < _MOST_SYMBOLS:
            self.drafts.append(draft)
        return draft

    def _say(self, *words: str) -> None:
        self.words += words

    def _say_docstring(self, docstring: str | None) -> None:
        if docstring is not None:
            text = " ".join(docstring.split())
            self._say(f"<docstring {len(text)}:{text}")


_END_OF_CLASS = "<end of class"


def _without_docstring(body: list[ast.stmt]) -> tuple[str | None, list[ast.stmt]]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first.value.value, body[1:]
    return None, body


def _names_of(node: Any) -> list[str]:
    """Return the plain names that a statement assigns; none when it is no assignment of a name."""
    if isinstance(node, ast.Assign):
        pending, names = list(reversed(node.targets)), []
        while pending:
            target = pending.pop()
            if isinstance(target, ast.Name):
                names.append(target.id)
            elif isinstance(target, ast.Tuple | ast.List):
                pending += reversed(target.elts)
        return names
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    return [node.name.id] if type(node).__name__ == "TypeAlias" else []


def _is_property(decorator: str) -> bool:
    name = decorator.partition("(")[0].rpartition(".")[2]
    return name.endswith("property") or name in {"setter", "getter", "deleter"}


def _is_type(node: Any) -> bool:
    if type(node).__name__ == "TypeAlias":
        return True
    said: Any = getattr(node, "annotation", None)
    if said is None and isinstance(node.value, ast.Call):
        said = node.value.func
    return (getattr(said, "id", "") or getattr(said, "attr", "")) in _TYPES
