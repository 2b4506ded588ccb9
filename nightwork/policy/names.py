"""The public names of a Python module, and which of them a change takes away."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from nightwork.testfile import is_test_file

_ROOTS = ("src", "lib", "python")
_NOT_IMPORTED = frozenset({
    "test", "tests", "testing", "docs", "doc", "examples", "example", "scripts", "tools", "bench", "benchmarks",
    "migrations", "versions", "setup", "conftest", "noxfile", "tasks", "fabfile", "manage",
})  # fmt: skip


def module_name(path: str, paths: Collection[str]) -> str | None:
    """Return the dotted name under which others import a file; None for tests, scripts and what begins with `_`.

    `paths` are all files of its tree: a module is public at the top, or in folders that are packages all the way.
    """
    where = PurePosixPath(path)
    if where.suffix != ".py" or is_test_file(path):
        return None
    parts = [*where.parts[:-1], where.stem]
    root = 1 if parts[0] in _ROOTS and len(parts) > 1 else 0
    names = parts[root:-1] if where.stem == "__init__" else parts[root:]
    if not names or any(name.startswith("_") or not name.isidentifier() for name in names):
        return None
    folders = ["/".join(where.parts[: root + depth + 1]) for depth in range(len(where.parts) - 1 - root)]
    is_package = all(f"{folder}/__init__.py" in paths for folder in folders)
    return ".".join(names) if is_package and names[0].lower() not in _NOT_IMPORTED else None


def removed_names(before: bytes, after: bytes | None) -> list[str]:
    """Return the public names that a module had and has no longer; all of them when it is gone or cannot be read.

    Public is what `__all__` lists, else what the module defines without an underscore, and the methods of public
    classes; what it only imports is public when it is listed.
    """
    had = _parsed(before)
    if had is None:
        return []
    has = _parsed(after) if after is not None else None
    still = _names(has, imports=True) | (_listed(has) or set()) if has is not None else set()
    return sorted(_public(had) - still)


def _parsed(source: bytes) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _public(tree: ast.Module) -> set[str]:
    listed, names = _listed(tree), _names(tree, imports=False)
    top = listed if listed is not None else {name for name in names if "." not in name and name[0] != "_"}
    parts = [name.partition(".") for name in names]
    return top | {owner + dot + name for owner, dot, name in parts if owner in top and name and name[0] != "_"}


def _names(tree: ast.Module, imports: bool) -> set[str]:
    """Return what a module binds, and `Class.name` for what its classes do; what they inherit is not known."""
    found = set(_bound(tree.body, imports))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for name in _bound(node.body, imports)}
    return found


def _bound(body: list[ast.stmt], imports: bool) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom() if imports:
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.Assign():
                yield from (
                    name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.If() | ast.Try() | ast.With():
                for inner in ("body", "orelse", "finalbody"):
                    yield from _bound(getattr(node, inner, []), imports)
                for handler in getattr(node, "handlers", []):
                    yield from _bound(handler.body, imports)


def _listed(tree: ast.Module) -> set[str] | None:
    """Return what `__all__` lists; None when there is none, or it is not written out."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            try:
                return set(map(str, ast.literal_eval(node.value)))  # type: ignore[attr-defined]
            except (ValueError, TypeError):
                return None
    return None
