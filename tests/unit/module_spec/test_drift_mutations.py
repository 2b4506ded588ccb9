"""Edits of a known kind on real source files are found, each as what it is; edits that mean nothing are noise."""

from __future__ import annotations

import ast
import random
import shlex
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import nightwork
from nightwork.module_spec.document.baseline import read_baseline, write_baseline
from nightwork.module_spec.drift import Kind, Severity, UnitDrift, compare
from nightwork.module_spec.source.language import language_of
from nightwork.module_spec.source.skeleton import Skeleton

OWN = Path(nightwork.__file__).parent
NAMES = ("engine", "order", "files", "redact", "markdown", "outcome", "ticket", "manifest", "ledger", "beneath")
FILES = [*(OWN / f"{name}.py" for name in NAMES), Path(textwrap.__file__), Path(shlex.__file__)]
EDITS = 200

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Source:
    """A file as lines, with what can be edited in it."""

    lines: list[str]
    functions: list[tuple[str, Function]]
    classes: list[ast.ClassDef]
    imports: list[tuple[ast.stmt, ast.stmt]]
    top: list[ast.stmt]

    def edited(self, at: int, *new: str, instead_of: int = 0) -> str:
        return "\n".join([*self.lines[:at], *new, *self.lines[at + instead_of :]])


@dataclass
class Expected:
    """What an edit is: `kind` is None for noise."""

    source: str
    kind: Kind | None = None
    name: str = ""
    severities: tuple[Severity, Severity] | None = None  # of public and of private names


def source_of(path: Path) -> Source:
    text = path.read_text()
    tree = ast.parse(text)
    functions = list(_functions(tree))
    often = [name for name, _ in functions]
    functions = [
        (name, node) for name, node in functions if often.count(name) == 1 and node.body[0].lineno > node.lineno
    ]
    pairs = zip(tree.body, tree.body[1:], strict=False)
    imports = [pair for pair in pairs if all(_is_plain_import(each) for each in pair)]
    return Source(
        text.split("\n"), functions, [node for node in tree.body if isinstance(node, ast.ClassDef)], imports, tree.body
    )


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        for each in node.body if isinstance(node, ast.ClassDef) and len(node.body) > 2 else ():
            if isinstance(each, Function) and not each.decorator_list and not each.name.startswith("__"):
                yield f"{node.name}.{each.name}", each


def _is_plain_import(node: ast.stmt) -> bool:
    is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return isinstance(node, ast.Import | ast.ImportFrom) and node.lineno == node.end_lineno and not is_future


Edit = Callable[[Source, random.Random], Expected | None]
PUBLIC_OR_NOT = {
    Kind.REMOVED: (Severity.HIGH, Severity.MEDIUM),
    Kind.RENAMED: (Severity.HIGH, Severity.MEDIUM),
    Kind.SIGNATURE: (Severity.MEDIUM, Severity.LOW),
}


def comment(source: Source, chance: random.Random) -> Expected:
    node = chance.choice(source.functions)[1].body[0]
    return Expected(source.edited(node.lineno - 1, " " * node.col_offset + "# says nothing"))


def white_space(source: Source, chance: random.Random) -> Expected:
    node = chance.choice(source.top)
    line = source.lines[(node.end_lineno or 1) - 1]
    return Expected(source.edited((node.end_lineno or 1) - 1, line + chance.choice(["  ", "\t", "\n\n"]), instead_of=1))


def formatting(source: Source, chance: random.Random) -> Expected:
    node = chance.choice(source.functions)[1]
    line = source.lines[node.lineno - 1]
    return Expected(source.edited(node.lineno - 1, *line.replace("(", "(\n", 1).split("\n"), instead_of=1))


def import_order(source: Source, chance: random.Random) -> Expected | None:
    if not source.imports:
        return None
    first, second = chance.choice(source.imports)
    lines = source.lines[first.lineno - 1 : second.lineno]
    return Expected(source.edited(first.lineno - 1, *lines[1:], lines[0], instead_of=len(lines)))


def body(source: Source, chance: random.Random) -> Expected:
    name, node = chance.choice(source.functions)
    at = node.body[-1]
    return Expected(
        source.edited(at.lineno - 1, " " * at.col_offset + "drifted = 1"), Kind.BODY, name, (Severity.LOW,) * 2
    )


def rename(source: Source, chance: random.Random) -> Expected:
    name, node = chance.choice(source.functions)
    line = source.lines[node.lineno - 1].replace(f"def {node.name}(", f"def {node.name}_drifted(", 1)
    return _at(source, node, line, Kind.RENAMED, name)


def signature(source: Source, chance: random.Random) -> Expected | None:
    name, node = chance.choice(source.functions)
    is_plain = not (node.args.defaults or node.args.vararg or node.args.kwonlyargs or node.args.kwarg)
    given = node.args.args
    if not given or not is_plain or given[-1].end_lineno != node.lineno:
        return None
    return _inserted(source, node, given[-1], ", drifted", Kind.SIGNATURE, name)


def optional(source: Source, chance: random.Random) -> Expected | None:
    found = signature(source, chance)
    if found is None:
        return None
    found.source = found.source.replace(", drifted", ", *, drifted=None", 1)
    found.severities = (Severity.LOW, Severity.LOW)
    return found


def default(source: Source, chance: random.Random) -> Expected | None:
    name, node = chance.choice(source.functions)
    given = [each for each in node.args.defaults if each.end_lineno == node.lineno]
    return _inserted(source, node, given[-1], " or drifted", Kind.SIGNATURE, name) if given else None


def delete(source: Source, chance: random.Random) -> Expected | None:
    name, node = chance.choice([*source.functions, *((each.name, each) for each in source.classes)])
    if any(isinstance(each, ast.Import | ast.ImportFrom) for each in ast.walk(node)):
        return None  # it takes its imports along
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return Expected(source.edited(first - 1, instead_of=(node.end_lineno or 0) - first + 1), Kind.REMOVED, name)


def add(source: Source, chance: random.Random) -> Expected:
    name = chance.choice(["drift_added", "_drift_added", "DriftAdded"])
    text = f"class {name}:\n    x = 1" if name[0].isupper() else f"def {name}():\n    return 41"
    return Expected(source.edited(len(source.lines), text, ""), Kind.ADDED, name, (Severity.LOW,) * 2)


def dependency(source: Source, chance: random.Random) -> Expected:
    return Expected(
        source.edited(len(source.lines), "import drifted", ""), Kind.DEPENDENCY, "drifted", (Severity.LOW,) * 2
    )


def docstring(source: Source, chance: random.Random) -> Expected | None:
    name, node = chance.choice(source.functions)
    text = ast.get_docstring(node)
    at = node.body[0]
    line = source.lines[at.lineno - 1]
    if text is None or at.lineno != at.end_lineno or '"""' not in line:
        return None
    line = line.replace('"""', '"""Drifted ', 1)
    return Expected(source.edited(at.lineno - 1, line, instead_of=1), Kind.BODY, name, (Severity.LOW,) * 2)


def _at(source: Source, node: Function, line: str, kind: Kind, name: str) -> Expected:
    return Expected(source.edited(node.lineno - 1, line, instead_of=1), kind, name)


def _inserted(source: Source, node: Function, behind: ast.AST, text: str, kind: Kind, name: str) -> Expected:
    line, at = source.lines[node.lineno - 1], behind.end_col_offset  # type: ignore[attr-defined]
    return _at(source, node, line[:at] + text + line[at:], kind, name)


KINDS: list[Edit] = [
    comment, white_space, formatting, import_order, body, rename, signature, optional, default, delete, add, dependency,
    docstring,
]  # fmt: skip


def read(name: str, text: str) -> Skeleton:
    language = language_of(name)
    assert language is not None
    return language.read(name, text.encode())


def drift_of(name: str, before: str, after: str) -> UnitDrift:
    baseline = read_baseline(write_baseline([read(name, before)]))
    assert baseline is not None
    return compare(baseline, {name: read(name, after)})


def mismatch(expected: Expected, drift: UnitDrift, is_public: bool) -> bool:
    if expected.kind is None:
        return (drift.findings, drift.noise) != ((), 1)
    severity = (expected.severities or PUBLIC_OR_NOT[expected.kind])[0 if is_public else 1]
    found = [(each.kind, each.name, each.severity) for each in drift.findings]
    return found != [(expected.kind, expected.name, severity)]


def edits() -> Iterator[tuple[str, str, Path, str, Expected]]:
    chance = random.Random(20260101)
    made = 0
    while made < EDITS:
        path, kind = chance.choice(FILES), KINDS[made % len(KINDS)]
        source = source_of(path)
        expected = kind(source, chance) if source.functions else None
        if expected is not None:
            made += 1
            yield f"{made} {kind.__name__}", path.name, path, "\n".join(source.lines), expected


@pytest.fixture(scope="module")
def all_edits() -> list[tuple[str, str, Path, str, Expected]]:
    return list(edits())


def test_two_hundred_edits_are_classified_right(all_edits: list[tuple[str, str, Path, str, Expected]]):
    wrong = []
    for title, name, path, text, expected in all_edits:
        public = {symbol.name for symbol in read(name, text).public()}
        ast.parse(expected.source)
        drift = drift_of(name, text, expected.source)
        if mismatch(expected, drift, expected.name in public):
            wrong.append(
                (title, path.name, expected.name, [(f.kind, f.severity, f.name, f.text) for f in drift.findings])
            )
    assert wrong == []
    assert len(all_edits) == EDITS


def test_noise_on_top_of_a_change_hides_it_from_nobody(all_edits: list[tuple[str, str, Path, str, Expected]]):
    for title, name, _, text, expected in all_edits:
        if expected.kind is not None:
            noisy = "# first\n" + expected.source.replace("\n\n\n", "\n\n\n# between\n\n", 1)
            assert drift_of(name, text, noisy).findings, title
