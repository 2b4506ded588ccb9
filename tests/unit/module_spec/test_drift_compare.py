"""What counts as drift, of what kind, and how severe it is."""

from __future__ import annotations

import pytest

from nightwork.module_spec.document.baseline import baseline_form, read_baseline, write_baseline
from nightwork.module_spec.drift import Finding, Kind, Severity, compare
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Skeleton, Symbol, SymbolKind

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW


def symbol(signature: str, name: str = "f", kind: SymbolKind = SymbolKind.FUNCTION, **given: object) -> Symbol:
    values = {"summary": "", "body": "b", "line": 1, "lines": 1, "is_public": not name.startswith("_"), **given}
    return Symbol(name, kind, signature, **values)  # type: ignore[arg-type]


def skeleton(*symbols: Symbol, path: str = "a.py", tree: str = "", error: str = "", **given: object) -> Skeleton:
    tree = tree or repr((symbols, given))
    values = {"source_hash": tree + error + str(given), "tree_hash": tree, "error": error, **given}
    return Skeleton(path, "typescript" if path.endswith(".ts") else "python", 1, 1, symbols=symbols, **values)  # type: ignore[arg-type]


def found(before: Skeleton, *after: Skeleton) -> list[Finding]:
    return list(compare(baseline_form([before]), {each.path: each for each in after}).findings)


def told(before: Skeleton, *after: Skeleton) -> list[tuple[Kind, Severity, str]]:
    return [(each.kind, each.severity, each.name) for each in found(before, *after)]


SIGNATURES = [
    ("def f(a)", "def f( a )", None),
    ("def f(a: Dict[str,int]='x')", 'def f(a: Dict[str, int] = "x")', None),
    ("def f(a)", "def f(a, b)", MEDIUM),
    ("def f(a)", "def f(a, b=1)", LOW),
    ("def f(a)", "def f(a, *, b=1)", LOW),
    ("def f(a)", "def f(a, *, b)", MEDIUM),
    ("def f(a)", "def f(b=1, a=2)", MEDIUM),
    ("def f(a, *args)", "def f(a, b=1, *args)", MEDIUM),
    ("def f(a)", "def f(a, *args, **more)", LOW),
    ("def f(a, *args)", "def f(a, *others)", LOW),
    ("def f(a, *args)", "def f(a)", MEDIUM),
    ("def f(a)", "def f(a=1)", LOW),
    ("def f(a=1)", "def f(a)", MEDIUM),
    ("def f(a=1)", "def f(a=2)", MEDIUM),
    ("def f(a=lambda x, y: 1)", "def f(a=lambda x, y: 1, b=2)", LOW),
    ("def f(a, b)", "def f(b, a)", MEDIUM),
    ("def f(*, a, b)", "def f(*, b, a)", None),
    ("def f(a)", "def f(c)", MEDIUM),
    ("def f(a, /)", "def f(c, /)", LOW),
    ("def f(a)", "def f(a, /)", MEDIUM),
    ("def f(a: int)", "def f(a: str)", MEDIUM),
    ("def f(a) -> int", "def f(a) -> str", MEDIUM),
    ("def f(a)", "async def f(a)", MEDIUM),
    (r"def f(a=r'\d\'')", r"def f(a=r'\d\'', *, b='\d')", LOW),
    (r"def f(a='\d')", r"def f(a='\w')", MEDIUM),
    ("def f(a, ???)", "def f(a, ??)", MEDIUM),
]


@pytest.mark.parametrize(("before", "after", "severity"), SIGNATURES)
def test_a_signature_is_compared_as_its_callers_see_it(before: str, after: str, severity: Severity | None):
    expected = [(Kind.SIGNATURE, severity)] if severity else [(Kind.BODY, LOW)]
    other = skeleton(symbol(after), tree="other")
    assert [each[:2] for each in told(skeleton(symbol(before)), other)] == expected


ECMASCRIPT = [
    ("function f(a: number)", "function f( a:number )", None),
    ("function f(a: number)", "function f(a: number, b?: string)", LOW),
    ("function f(a: number)", "function f(a: number, b = {x: 1, y: 2})", LOW),
    ("function f(a: number)", "function f(b: number)", LOW),
    ("function f(a: Map<string, number>)", "function f(a: Map<string, string>)", MEDIUM),
    ("function f(a: (x: A) => B, c)", "function f(a: (x: A) => B, c, ...d: E[])", LOW),
    ("function f(a: 'x, y')", "function f(a: 'x', y)", MEDIUM),
    ("function f(a?: number)", "function f(a: number)", MEDIUM),
    ("function f(a): void", "function f(a): Promise<void>", MEDIUM),
    ("const f = (a) =>", "const f = (a, b = 1) =>", LOW),
    ("function f<T>(a: T)", "function f<T, U>(a: T)", MEDIUM),
    ("function f(a = 1 < 2, b)", "function f(a = 1 < 2, c)", MEDIUM),
]


@pytest.mark.parametrize(("before", "after", "severity"), ECMASCRIPT)
def test_signatures_of_other_languages_are_split_at_their_brackets(before: str, after: str, severity: Severity | None):
    expected = [(Kind.SIGNATURE, severity)] if severity else [(Kind.BODY, LOW)]
    old = skeleton(symbol(before), path="a.ts")
    assert [each[:2] for each in told(old, skeleton(symbol(after), path="a.ts", tree="other"))] == expected


@pytest.mark.parametrize("name", ["f", "_f"])
def test_private_names_weigh_one_step_less(name: str):
    is_private = name.startswith("_")
    one, two = symbol(f"def {name}(a)", name), symbol("def g()", "g", body="g")
    changed = symbol(f"def {name}(a, b)", name)
    renamed = symbol(f"def {name}2(a)", f"{name}2")
    assert told(skeleton(one, two), skeleton(two)) == [(Kind.REMOVED, MEDIUM if is_private else HIGH, name)]
    assert told(skeleton(two), skeleton(one, two)) == [(Kind.ADDED, LOW, name)]
    assert told(skeleton(one), skeleton(renamed)) == [(Kind.RENAMED, MEDIUM if is_private else HIGH, name)]
    assert told(skeleton(one), skeleton(changed)) == [(Kind.SIGNATURE, LOW if is_private else MEDIUM, name)]


def test_a_name_that_is_no_longer_exported_is_removed():
    hidden = symbol("def f()", is_public=False)
    assert told(skeleton(symbol("def f()")), skeleton(hidden)) == [(Kind.REMOVED, HIGH, "f")]
    assert told(skeleton(hidden), skeleton(symbol("def f()"))) == [(Kind.ADDED, LOW, "f")]


def test_a_changed_value_is_no_changed_signature():
    constant, field = SymbolKind.CONSTANT, SymbolKind.FIELD
    old = skeleton(symbol("N: int = 1", "N", constant), symbol("x: int", "A.x", field))
    new = skeleton(symbol("N: int = 2", "N", constant, body="2"), symbol("x: int = 1", "A.x", field))
    assert told(old, new) == [(Kind.SIGNATURE, LOW, "A.x"), (Kind.BODY, LOW, "N")]


def test_a_renamed_class_is_one_finding_and_its_members_are_compared_under_the_new_name():
    def of(name: str, signature: str) -> Skeleton:
        method = SymbolKind.METHOD
        return skeleton(
            symbol(f"class {name}(Base)", name, SymbolKind.CLASS, body=""),
            symbol(signature, f"{name}.m", method, body="m"),
            symbol("def n(self)", f"{name}.n", method, body="n"),
        )

    assert told(of("A", "def m(self)"), of("B", "def m(self)")) == [(Kind.RENAMED, HIGH, "A")]
    both = [(Kind.RENAMED, HIGH, "A"), (Kind.SIGNATURE, MEDIUM, "B.m")]
    assert told(of("A", "def m(self)"), of("B", "def m(self, x)")) == both


def test_members_of_a_removed_class_are_not_told_one_by_one():
    rest = symbol("def g()", "g", body="g")
    old = skeleton(symbol("class A", "A", SymbolKind.CLASS), symbol("def m(self)", "A.m", SymbolKind.METHOD), rest)
    assert told(old, skeleton(rest)) == [(Kind.REMOVED, HIGH, "A")]


def test_names_with_a_common_body_are_not_taken_for_each_other():
    old = skeleton(symbol("def a(x)", "a", body="pass"), symbol("def b(y)", "b", body="pass"))
    new = skeleton(symbol("def c(y, z)", "c", body="pass"), symbol("def b(y)", "b", body="pass"))
    assert [each[0] for each in told(old, new)] == [Kind.REMOVED, Kind.ADDED]


def test_an_overload_more_is_one_finding():
    overloads = [symbol(f"def f(a: {kind})", f"f#{at}") for at, kind in enumerate(("int", "str"), 2)]
    shifted = [symbol(f"def f(a: {kind})", f"f#{at}") for at, kind in enumerate(("bytes", "int", "str"), 2)]
    first = symbol("def f(a)")
    assert told(skeleton(first, *overloads), skeleton(first, *shifted)) == [(Kind.ADDED, LOW, "f#2")]


def test_imports_gained_lost_and_moved_are_dependencies():
    def taken(*imports: Import) -> Skeleton:
        return skeleton(imports=imports)

    top, lazy = EdgeKind.TOP_LEVEL, EdgeKind.LAZY
    old = taken(Import("os", (), 0, top, 1), Import("a", ("x", "y"), 1, top, 2), Import("re", (), 0, top, 3))
    new = taken(Import("a", ("y", "z"), 1, top, 1), Import("re", (), 0, lazy, 2), Import("sys", (), 0, top, 3))
    assert [(each.name, each.text) for each in found(old, new)] == [
        (".a", "takes `z`; no longer takes `x`"),
        ("os", "no longer imported"),
        ("re", "imported lazy, was top-level"),
        ("sys", "imported now"),
    ]
    assert {(each.kind, each.severity) for each in found(old, new)} == {(Kind.DEPENDENCY, LOW)}


def test_what_changes_no_syntax_tree_is_noise():
    old = skeleton(symbol("def f()"), tree="t", source_hash="1")
    drift = compare((old,), {"a.py": skeleton(symbol("def f()"), tree="t", source_hash="2")})
    assert (drift.findings, drift.noise) == ((), 1)


def test_the_same_bytes_are_not_looked_at():
    drift = compare((skeleton(source_hash="1"),), {"a.py": skeleton(symbol("def f()"), source_hash="1")})
    assert (drift.findings, drift.noise) == ((), 0)


def test_a_docstring_is_drift():
    old, new = symbol("def f()", summary="Old."), symbol("def f()", summary="New.")
    assert told(skeleton(old), skeleton(new)) == [(Kind.BODY, LOW, "f")]


def test_a_file_that_no_longer_parses_is_one_finding():
    broken = skeleton(error="line 3: invalid syntax")
    assert told(skeleton(symbol("def f()")), broken) == [(Kind.UNPARSABLE, MEDIUM, "")]
    assert told(skeleton(error="line 1: invalid"), broken) == [(Kind.UNPARSABLE, LOW, "")]
    assert told(broken, skeleton(symbol("def f()"))) == [(Kind.BODY, LOW, "")]


def test_a_deleted_file_and_one_at_another_path():
    old = skeleton(symbol("def f()"), tree="t")
    assert told(old) == [(Kind.DELETED, HIGH, "")]
    moved = found(old, skeleton(symbol("def f()"), tree="t", path="b.py"))
    assert [(each.kind, each.severity, each.after) for each in moved] == [(Kind.RENAMED, HIGH, "b.py")]
    assert told(skeleton(tree="empty"), skeleton(tree="empty", path="b.py")) == [(Kind.DELETED, HIGH, "")]


def test_a_secret_in_the_source_is_no_drift_from_its_redacted_baseline():
    secret = symbol('KEY = "AKIA' + 'ABCDEFGHIJKLMNOP"', "KEY", SymbolKind.CONSTANT)
    rest = symbol("def g()", "g", body="1")
    baseline = read_baseline(write_baseline([skeleton(secret, rest)]))
    assert baseline is not None
    today = skeleton(secret, symbol("def g()", "g", body="2"))
    assert [each.name for each in compare(baseline, {"a.py": today}).findings] == ["g"]
