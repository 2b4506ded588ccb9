"""What a change adds to one source file: paths through its functions, and public names without a docstring.

The source is an agent's: whatever it holds, there comes a number, a list or None, which means that it cannot be told.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import lizard

from nightwork.gates.source import MAX_SOURCE, parsed
from nightwork.testfile import is_test_file

# lizard's readers are state machines without an error of their own: they index and call on whatever tokens come.
_LIZARD_FAILS = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def added_complexity(before: bytes | None, after: bytes | None, path: str) -> int | None:
    """Return by how much the cyclomatic complexity of all functions of a file grew, 0 when it shrank.

    None is a missing file as source, and as answer an unknown kind of file, or one that cannot be analysed.
    """
    if lizard.get_reader_for(path) is None:
        return None
    was, now = _complexity(before, path), _complexity(after, path)
    return None if was is None or now is None else max(0, now - was)


def undocumented_names(before: bytes | None, after: bytes | None, path: str) -> list[str] | None:
    """Return the new public names of a Python module that have no docstring, in the order of the source.

    Those are functions, classes and methods as `name` or `Class.name`. Tests need none. None means that it is no
    Python, or does not parse.
    """
    if PurePosixPath(path).suffix.lower() != ".py":
        return None
    if is_test_file(path):
        return []
    was, now = _public_names(before), _public_names(after)
    if was is None or now is None:
        return None
    return [name for name, is_documented in now.items() if name not in was and not is_documented]


def _complexity(source: bytes | None, path: str) -> int | None:
    if source is None:
        return 0
    if len(source) > MAX_SOURCE:
        return None
    try:
        return sum(_complexities(source.decode("utf-8", "replace"), path))
    except _LIZARD_FAILS:
        return None


def _complexities(source: str, path: str) -> list[int]:
    # As lizard.FileAnalyzer does, which prints a RecursionError and goes on with what it has.
    context = lizard.FileInfoBuilder(path)
    reader = lizard.get_reader_for(path)(context)
    tokens = reader.generate_tokens(source)
    for process in (lizard.preprocessing, _without_comments, lizard.line_counter, lizard.condition_counter):
        tokens = process(tokens, reader)
    for _ in reader(tokens, reader):
        pass
    return [function.cyclomatic_complexity for function in context.fileinfo.function_list]


def _without_comments(tokens: Iterator[str], reader: Any) -> Iterator[str]:
    # lizard's own version obeys `#lizard forgive` and GENERATED CODE, with which an agent could hide its code.
    for token in tokens:
        comment = reader.get_comment_from_token(token)
        if comment is None:
            yield token
        else:
            yield from "\n" * comment.count("\n")


def _public_names(source: bytes | None) -> dict[str, bool] | None:
    if source is None:
        return {}
    module = parsed(source)
    if module is None:
        return None
    names: dict[str, bool] = {}
    for name, definition in _public_definitions(module):
        is_documented = bool(ast.get_docstring(definition)) or _is_override(definition)
        names[name] = names.get(name, False) or is_documented
    return names


def _public_definitions(module: ast.Module) -> Iterator[tuple[str, _Definition]]:
    for definition in _definitions(module):
        yield definition.name, definition
        if isinstance(definition, ast.ClassDef):
            for method in _definitions(definition, lambda each: not isinstance(each, ast.ClassDef)):
                yield f"{definition.name}.{method.name}", method


def _definitions(body: ast.AST, is_wanted: Callable[[_Definition], bool] = lambda _: True) -> Iterator[_Definition]:
    waiting = list(ast.iter_child_nodes(body))[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Definition):
            if not node.name.startswith("_") and is_wanted(node):
                yield node
        elif isinstance(node, ast.stmt | ast.excepthandler):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def _is_override(definition: _Definition) -> bool:
    names = {getattr(each, "attr", getattr(each, "id", "")) for each in definition.decorator_list}
    return "override" in names
