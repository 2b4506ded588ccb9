"""What the syntax tree of a Python file shows: tests that assert less than before, and code that forges a result.

Sources are an agent's: one that does not parse has no tree, and nothing to say here.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nightwork.gates.judgement import Flag
from nightwork.gates.source import parsed
from nightwork.gates.tricks.remark import Edited, Remark
from nightwork.gates.tricks.wording import is_python
from nightwork.testfile import is_test_file

_ASSERTING = ("assert", "check", "verify", "expect", "ensure", "should", "raises", "warns", "fail")
_EXITS = {"exit", "quit", "_exit", "SystemExit"}

_AROUND = ("setup", "teardown", "pytest_")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def syntax_remarks(edited: Edited, added: Mapping[int, str]) -> Iterator[Remark]:
    """Yield what is seen in one file; `added` are the lines that the change brings, by number."""
    after = parsed(edited.after) if edited.after is not None and is_python(edited.path) else None
    if after is None:
        return
    before = parsed(edited.before) if edited.before is not None else None
    if is_test_file(edited.path):
        yield from _weakened(edited.path, before, after)
        yield from _hollow(edited.path, after, added)
        if before:
            yield from _reworked(edited.path, before, after, added)
    yield from _forged(edited.path, after, added)


def _weakened(path: str, before: ast.Module | None, after: ast.Module) -> Iterator[Remark]:
    had = {name: assertions(test) for name, test in _tests(before)} if before else {}
    for name, test in _tests(after):
        now = assertions(test)
        if now < had.get(name, 0):
            text = f"{name}: {had[name]} -> {now} assertions"
            yield Remark(Flag.TEST_WEAKENED, path, test.lineno, text)


def _reworked(path: str, before: ast.Module, after: ast.Module, added: Mapping[int, str]) -> Iterator[Remark]:
    """Find what changes tests that are there by adding lines alone: in them, around them, or to what they use."""
    known = dict(_functions(before))
    for name, function in _functions(after):
        if name in known and _touches(function, added):
            yield Remark(Flag.TESTS_CHANGED, path, function.lineno, name)
        elif name not in known and name.rpartition(".")[2].lower().startswith(_AROUND):
            yield Remark(Flag.TESTS_CHANGED, path, function.lineno, f"{name} runs around tests")
    bound = {name for name, _ in _bindings(before)}
    was = Counter(name for name, _ in _bindings(before))
    now = Counter(name for name, _ in _bindings(after))
    for name, line in _bindings(after):
        if line in added and (name == "*" or (name in bound and now[name] > was[name])):
            yield Remark(Flag.TEST_WEAKENED, path, line, f"binds {name} anew")


def _functions(module: ast.Module) -> Iterator[tuple[str, _Function]]:
    waiting: list[tuple[str, ast.AST]] = [("", module)]
    while waiting:
        prefix, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Function):
                yield prefix + child.name, child
            elif isinstance(child, ast.stmt):
                waiting.append((f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix, child))


def _bindings(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names that a module binds at its top level, with their lines; `*` for what cannot be told."""
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
                continue
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0], node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
        waiting += ast.iter_child_nodes(node)


def _hollow(path: str, after: ast.Module, added: Mapping[int, str]) -> Iterator[Remark]:
    for name, test in _tests(after):
        if test.lineno in added and all(_does_nothing(statement) for statement in test.body):
            yield Remark(Flag.TEST_WEAKENED, path, test.lineno, f"{name} does nothing")
    for node in ast.walk(after):
        if isinstance(node, ast.Assert) and node.lineno in added and _always_holds(node.test):
            yield Remark(Flag.TEST_WEAKENED, path, node.lineno, added[node.lineno])


def _forged(path: str, after: ast.Module, added: Mapping[int, str]) -> Iterator[Remark]:
    for node in ast.walk(after):
        if isinstance(node, _Function) and _is_forged_equality(node) and _touches(node, added):
            yield Remark(Flag.RESULT_FORCED, path, node.lineno, f"{node.name} always answers the same")
    for call in _calls_at_import(after.body):
        if call.lineno in added and _name(call.func) in _EXITS and not any(map(_may_fail, call.args)):
            yield Remark(Flag.RESULT_FORCED, path, call.lineno, added[call.lineno])


def assertions(test: _Function) -> int:
    """Return how many assertions of a test can be reached and can fail."""
    return sum(_asserts(node) for node in _reached(test.body))


def _tests(module: ast.Module) -> Iterator[tuple[str, _Function]]:
    waiting: list[tuple[str, Sequence[ast.stmt]]] = [("", module.body)]
    while waiting:
        prefix, body = waiting.pop()
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                waiting.append((f"{prefix}{statement.name}.", statement.body))
            elif isinstance(statement, _Function) and statement.name.startswith("test"):
                yield prefix + statement.name, statement


def _reached(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes of a body that running it may reach: nothing behind a return, nothing below `if False`."""
    waiting: list[ast.AST] = [*_until_the_end(body)]
    while waiting:
        node = waiting.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(node, ast.If | ast.While) and _is_false(node.test):
                continue
            children = value if isinstance(value, list) else [value]
            waiting += _until_the_end(each for each in children if isinstance(each, ast.AST))


def _until_the_end(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in body:
        yield node
        if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not _always_holds(node.test)
    return isinstance(node, ast.Call) and _name(node.func).lstrip("_").startswith(_ASSERTING)


def _always_holds(test: ast.expr) -> bool:
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return bool(elements)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_false(operand)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(map(_always_holds, values))
        case ast.BoolOp(op=ast.And(), values=values):
            return all(map(_always_holds, values))
        case ast.Compare(left=ast.Name(id=left), ops=[ast.Eq() | ast.Is()], comparators=[ast.Name(id=right)]):
            return left == right
        case ast.Compare(left=ast.Constant(value=left), ops=[ast.Eq()], comparators=[ast.Constant(value=right)]):
            return left == right
    return False


def _is_false(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and not test.value


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Return)


def _is_forged_equality(function: _Function) -> bool:
    body = [each for each in function.body if not (isinstance(each, ast.Expr) and _does_nothing(each))]
    returns = len(body) == 1 and isinstance(body[0], ast.Return) and isinstance(body[0].value, ast.Constant)
    return returns and function.name in {"__eq__", "__ne__"}


def _touches(node: _Function, added: Mapping[int, str]) -> bool:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return any(line in added for line in range(first, (node.end_lineno or node.lineno) + 1))


def _calls_at_import(body: Sequence[ast.stmt]) -> Iterator[ast.Call]:
    """Yield the calls that importing a module makes; those of a script's own `if __name__ == ...` are none."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not _asks_for_main(node) and not isinstance(node, _Function | ast.Lambda):
            waiting += list(ast.iter_child_nodes(node))


def _asks_for_main(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    return any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(node.test))


def _may_fail(argument: ast.expr) -> bool:
    return not (isinstance(argument, ast.Constant) and argument.value in (0, None, False))


def _name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
