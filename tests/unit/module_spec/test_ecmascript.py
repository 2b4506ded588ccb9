"""TypeScript and JavaScript: what a skeleton of theirs tells."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from nightwork.module_spec.source.language import language_of
from nightwork.module_spec.source.language.ecmascript import JAVASCRIPT, TYPESCRIPT
from nightwork.module_spec.source.language.ecmascript.resolve import package_of, resolve
from nightwork.module_spec.source.skeleton import EdgeKind, Raised, Skeleton, Symbol, SymbolKind


def ts(source: str, path: str = "a.ts") -> Skeleton:
    return TYPESCRIPT.read(path, source.encode())


def js(source: str, path: str = "a.js") -> Skeleton:
    return JAVASCRIPT.read(path, source.encode())


def only(skeleton: Skeleton) -> Symbol:
    (symbol,) = skeleton.symbols
    return symbol


SIGNATURES = [
    ("export function f(a: number, b?: string): void {}", "function f(a: number, b?: string): void"),
    ("async function f<T>(\n  a: number, // one\n  ...b: T[],\n) {}", "async function f<T>(a: number, ...b: T[])"),
    ("function* f(a = 'x,  y') {}", "function* f(a = 'x,  y')"),
    ("export default function (a) {}", "function (a)"),
    ("export const f = (a, b = 2): number => a", "const f = (a, b = 2): number =>"),
    ("export const N: number = 3", "const N: number = 3"),
    (f"const big = [{'1, ' * 200}]", "const big = …"),
    ("export abstract class A<T> extends B<T> implements C {}", "abstract class A<T> extends B<T> implements C"),
    ("export interface I extends J {}", "interface I extends J"),
    ("type U = 'a'\n  | 'b'", "type U = 'a' | 'b'"),
    ("export const enum E {}", "const enum E"),
    ("declare function f(a: number): void", "function f(a: number): void"),
    ("export default { a: 1 }", "default"),
]


@pytest.mark.parametrize(("source", "signature"), SIGNATURES)
def test_a_signature_is_the_source_on_one_line_without_comments(source: str, signature: str):
    assert only(ts(source)).signature == signature


KINDS = [
    ("class A { m() {} }", "A.m", SymbolKind.METHOD),
    ("class A { m = () => {} }", "A.m", SymbolKind.METHOD),
    ("class A { get m() { return 1 } }", "A.m", SymbolKind.PROPERTY),
    ("class A { static m = 1 }", "A.m", SymbolKind.FIELD),
    ("interface A { m(): void }", "A.m", SymbolKind.METHOD),
    ("interface A { m: number }", "A.m", SymbolKind.FIELD),
    ("abstract class A { abstract m(): void }", "A.m", SymbolKind.METHOD),
    ("enum A { m, n = 2 }", "A.m", SymbolKind.FIELD),
    ("namespace A { export const m = 1 }", "A.m", SymbolKind.CONSTANT),
    ("const { m, n: { o }, ...p } = q", "o", SymbolKind.CONSTANT),
    ("const A = class { m() {} }", "A.m", SymbolKind.METHOD),
]


@pytest.mark.parametrize(("source", "name", "kind"), KINDS)
def test_every_form_of_declaration_is_a_symbol(source: str, name: str, kind: SymbolKind):
    assert {symbol.name: symbol.kind for symbol in ts(source).symbols}[name] == kind


def test_a_javascript_class_has_its_fields_too():
    assert [symbol.name for symbol in js("class A { static s = 1; #p = 2; m() {} }").symbols] == [
        "A", "A.s", "A.#p", "A.m",
    ]  # fmt: skip


PUBLIC = [
    ("export function a() {} function b() {}", {"a"}),
    ("function a() {} function b() {} export { b as c }", {"b"}),
    ("export default class A { m() {} private n() {} #o = 1; protected p = 2; _q() {} }", {"A", "A.m"}),
    ("class A { m() {} } export { A }", {"A", "A.m"}),
    ("import './x'; function a() {}", set()),
    ("function a() {} function _b() {}", {"a"}),
    ("namespace N { export function a() {} function b() {} } export {}", {"N.a"}),
]


@pytest.mark.parametrize(("source", "public"), PUBLIC)
def test_public_is_what_is_exported(source: str, public: set[str]):
    assert {symbol.name for symbol in ts(source).public()} == public


COMMON_JS = [
    ("function a() {} function b() {} module.exports = { a, c: b }", {"a", "b"}),
    ("function a() {} module.exports = a", {"a"}),
    ("exports.f = function (x) {}; function b() {}", {"f"}),
    ("module.exports.f = (x) => x", {"f"}),
    ("module.exports = class A { m() {} }", {"A", "A.m"}),
]


@pytest.mark.parametrize(("source", "public"), COMMON_JS)
def test_public_is_what_module_exports_holds(source: str, public: set[str]):
    assert {symbol.name for symbol in js(source).public()} == public


IMPORTS = [
    ("import a, { b as c, type D } from './x.js'", "./x.js", ("default", "b", "D"), EdgeKind.TOP_LEVEL),
    ("import * as a from 'x'", "x", ("*",), EdgeKind.TOP_LEVEL),
    ("import 'x'", "x", (), EdgeKind.TOP_LEVEL),
    ("import type { A } from 'x'", "x", ("A",), EdgeKind.TYPE_CHECKING),
    ("import { type A, type B } from 'x'", "x", ("A", "B"), EdgeKind.TYPE_CHECKING),
    ("import a = require('x')", "x", (), EdgeKind.TOP_LEVEL),
    ("export { a as b } from 'x'", "x", ("a",), EdgeKind.TOP_LEVEL),
    ("export * from 'x'", "x", (), EdgeKind.TOP_LEVEL),
    ("export type { A } from 'x'", "x", ("A",), EdgeKind.TYPE_CHECKING),
    ("const { a } = require('x')", "x", (), EdgeKind.TOP_LEVEL),
    ("if (a) { require('x') }", "x", (), EdgeKind.CONDITIONAL),
    ("try { require('x') } catch {}", "x", (), EdgeKind.CONDITIONAL),
    ("function f() { require('x') }", "x", (), EdgeKind.LAZY),
    ("const a = await import('x')", "x", (), EdgeKind.LAZY),
]


@pytest.mark.parametrize(("source", "module", "names", "kind"), IMPORTS)
def test_every_form_of_import_is_an_edge(source: str, module: str, names: tuple[str, ...], kind: EdgeKind):
    (found,) = ts(source).imports
    assert (found.module, found.names, found.kind) == (module, names, kind)


def test_an_import_of_what_is_only_known_at_run_time_is_none():
    assert ts("require(a + b); import(`./${c}`); other.require('x')").imports == ()


def test_documentation_comments_are_summaries():
    found = ts("/** About the file. */\n\nimport 'x'\n/** Adds\n * two.\n *\n * More.\n * @param a */\nfunction f() {}")
    assert (found.docstring, only(found).summary, only(found).documented) == ("About the file.", "Adds two.", True)
    assert only(ts("/** Of f. */\nfunction f() {}")).summary == "Of f."
    assert ts("/** Of f. */\nfunction f() {}").docstring == ""
    assert ts("/** Copyright me. */\nimport 'x'").docstring == ""
    assert only(ts("/* No. */ function f() {}")).summary == ""


def test_what_a_function_does_is_counted_and_named():
    found = ts(
        "function f(a) { if (a > 1 && g()) throw new RangeError('x'); else throw new Error('y');"
        " for (;;) {} return a ? 1 : 2 }\nfunction g() { try {} catch (e) { throw e } throw make() }"
    ).symbols
    assert found[0].complexity == 5
    assert found[0].raises == (Raised("RangeError", "a > 1 && g()"), Raised("Error", "!(a > 1 && g())"))
    assert found[0].calls == ("g",)
    assert found[1].raises == (Raised("make", ""),)


def test_methods_call_methods():
    assert ts("class A { m() { this.n(); f() } n() {} }\nfunction f() {}").symbols[1].calls == ("A.n", "f")


def test_decorators_markers_and_overloads():
    found = ts("@D({a: 1}) class A { @e() m() {} }\n// TODO: later\nfunction f(a: 1);\nfunction f(a) {}")
    assert [(each.name, each.decorators) for each in found.symbols] == [
        ("A", ("D({a: 1})",)), ("A.m", ("e()",)), ("f", ()), ("f#2", ()),
    ]  # fmt: skip
    assert [(each.word, each.text, each.line) for each in found.markers] == [("TODO", "later", 2)]


SOURCE = """import a from 'a'
import b from 'b'

export function f(x: number, y = [1, 2]) {
  const g = (z) => z + "q"
  return g(x)
}
"""
NOISE = [
    SOURCE.replace("\n", "\n\n"),
    SOURCE.replace("  ", "\t"),
    SOURCE.replace("{\n", "{ // why\n").replace("return", "/* what */ return"),
    "import b from 'b';\nimport a from \"a\";\n" + SOURCE.partition("'b'\n")[2],
    SOURCE.replace("(z)", "z"),
    SOURCE.replace("[1, 2]", "[\n1,\n2,\n]"),
    SOURCE.replace("return g(x)", "return g(x);"),
    SOURCE.replace("\n", "\r\n"),
]
CHANGES = [
    SOURCE.replace("z + ", "z - "),
    SOURCE.replace('"q"', '"r"'),
    SOURCE.replace("[1, 2]", "[1, , 2]"),
    SOURCE.replace("'b'", "'c'"),
    SOURCE.replace("g(x)", "g()"),
    SOURCE.replace("(z)", "(z, x)"),
    "/** Says. */\n" + SOURCE.partition("\n\n")[2],
    SOURCE.replace("export f", "f"),
]


@pytest.mark.parametrize("source", NOISE)
def test_formatting_comments_and_the_order_of_imports_change_no_tree(source: str):
    assert ts(source).tree_hash == ts(SOURCE).tree_hash
    assert ts(source).symbols[0].body == ts(SOURCE).symbols[0].body


@pytest.mark.parametrize("source", CHANGES)
def test_everything_else_changes_the_tree(source: str):
    assert ts(source).tree_hash != ts(SOURCE).tree_hash


def test_a_method_is_no_part_of_the_body_of_its_class():
    old, new = ts("class A { m() { return 1 } n = 2 }").symbols, ts("class A { m() { return 2 } n = 2 }").symbols
    assert [a.body == b.body for a, b in zip(old, new, strict=True)] == [True, False, True]


def test_a_syntax_error_leaves_the_names_around_it():
    found = ts("export function a() {}\nfunction (((\nexport class B {}\n")
    assert found.error == "line 2: the syntax cannot be read"
    assert "a" in [symbol.name for symbol in found.symbols]


def test_markup_in_code_and_annotated_javascript_are_read():
    assert ts("export const A = () => <div a={1}>text</div>", "a.tsx").error == ""
    assert js("export const A = () => <div a={1}>text</div>", "a.jsx").error == ""
    assert js("// @flow\nexport function f(a: number): string { return '' }").error == ""
    assert ts("const a = <T>b").error == ""


HOSTILE = [
    "(" * 50_000, "(" * 20_000 + "1" + ")" * 20_000, "!" * 50_000 + "1", "a" + ".b" * 50_000, "1" + "+1" * 50_000,
    "{" * 20_000, "x => " * 10_000 + "1", "if (a) {} else " * 10_000 + "{}", "namespace A {" * 2_000 + "}" * 2_000,
    "export " * 5_000, "`${" * 5_000, "a<b<" * 5_000, "\0" * 5_000, "", "/**" + " *\n" * 50_000, "function f(a" * 500,
]  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_a_file_holds_ends_the_reading(source: str):
    assert ts(source).path == "a.ts"
    assert js(source).path == "a.js"


def test_bytes_that_are_no_text_are_read():
    random_bytes = random.Random(5).randbytes(20_000)
    assert TYPESCRIPT.read("a.ts", b"\xef\xbb\xbfexport const a = 1\r\n").symbols[0].name == "a"
    assert TYPESCRIPT.read("a.ts", random_bytes).error
    assert TYPESCRIPT.read("a.ts", "export const é = 'ü'".encode("latin-1")).path == "a.ts"


RESOLVED = [
    ("./b", "src/a.ts", "src/b.ts"),
    ("./b.js", "src/a.ts", "src/b.ts"),
    ("./c.js", "src/a.ts", "src/c.js"),
    ("../lib", "src/a.ts", "lib/index.tsx"),
    ("..", "src/x/a.ts", "src/index.ts"),
    (".", "src/a.ts", "src/index.ts"),
    ("./style.css", "src/a.ts", None),
    ("../../out", "src/a.ts", None),
    ("lodash", "src/a.ts", None),
    ("/src/b", "src/a.ts", None),
    ("./d.config", "src/a.ts", "src/d.config.ts"),
]
FILES = {"src/a.ts", "src/b.ts", "src/c.js", "src/index.ts", "lib/index.tsx", "src/d.config.ts", "src/c.ts.ts"}


@pytest.mark.parametrize(("specifier", "importer", "file"), RESOLVED)
def test_a_specifier_means_a_file_of_the_project(specifier: str, importer: str, file: str | None):
    assert resolve(specifier, importer, FILES) == file


PACKAGES = [
    ("lodash/fp", "lodash"), ("@a/b/c", "@a/b"), ("node:fs/promises", "node:fs"), ("fs/promises", "node:fs"),
    ("./a", None), ("#own", None), ("@a", None), ("https://x.org/a.js", None), ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("specifier", "package"), PACKAGES)
def test_a_bare_specifier_means_a_package(specifier: str, package: str | None):
    assert package_of(specifier) == package


def test_the_name_of_a_file_tells_its_language():
    names = ["a.ts", "a.tsx", "a.mts", "a.cts", "a.js", "a.jsx", "a.mjs", "a.cjs", "a.d.ts", "a.d.mts", "d.ts", "a.css"]
    languages = [language_of(name) for name in names]
    assert [each and each.name for each in languages] == [
        *["typescript"] * 4, *["javascript"] * 4, None, None, "typescript", None,
    ]  # fmt: skip


WITHOUT = """
import sys
sys.modules["tree_sitter"] = None
from nightwork.module_spec.source.language.ecmascript import TYPESCRIPT
found = TYPESCRIPT.read("a.ts", b"export const a = 1")
print(found.error, "|", found.lines, found.symbols)
"""


def test_without_the_grammars_a_file_says_what_to_install():
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "install nightwork[typescript] to read TypeScript and JavaScript | 1 ()\n"
