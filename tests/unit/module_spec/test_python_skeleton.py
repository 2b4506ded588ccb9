"""What the one pass over a Python file tells of it."""

from __future__ import annotations

import pytest

from nightwork.module_spec.source.language import language_of
from nightwork.module_spec.source.language.python import Python
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Marker, Raised, Skeleton, Symbol, SymbolKind


def read(source: str | bytes, path: str = "package/module.py") -> Skeleton:
    skeleton = Python().read(path, source if isinstance(source, bytes) else source.encode())
    assert not skeleton.error
    return skeleton


def symbol(source: str, name: str) -> Symbol:
    return next(each for each in read(source).symbols if each.name == name)


@pytest.mark.parametrize(
    ("source", "signature"),
    [
        ("def f(): pass", "def f()"),
        ("async def f(a, /, b: int=1, *c, d = 'x:y', **e) -> dict[str, int]:\n  pass",
         "async def f(a, /, b: int=1, *c, d = 'x:y', **e) -> dict[str, int]"),
        ("def f(\n    a: int,  # the first\n    b='#  no',\n) -> None:\n    pass", "def f(a: int, b='#  no') -> None"),
        ("def f(a=(1,), b=[1, 2,\n  ], c=lambda: {1: 2}): pass", "def f(a=(1,), b=[1, 2], c=lambda: {1: 2})"),
        ("def f( a ,\n\tb  =  1 )  ->  (  int  ) : pass", "def f(a , b = 1) -> (int)"),
        ("def f(a): # why: not\n    '''Say.'''", "def f(a)"),
        ("def \\\n  f(a):\n  pass", "def f(a)"),
        ('def f(a="""x\n  y""", b=1):\n  pass', 'def f(a="""x\n  y""", b=1)'),
        ("def f(a='é', b=\"ü\"): pass", "def f(a='é', b=\"ü\")"),
        ("@a(1)\n@b\ndef f(): pass", "def f()"),
        ("def f(a):\n\n    @b\n    def g(): pass", "def f(a)"),
    ],
)  # fmt: skip
def test_a_signature_is_the_text_of_the_source_on_one_line(source: str, signature: str) -> None:
    assert symbol(source, "f").signature == signature


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"# coding: latin-1\n", b"\n# -*- coding: latin-1 -*-\n", b"\f\n"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_positions_hold_whatever_the_encoding_and_the_ends_of_lines(start: bytes, end: bytes) -> None:
    codec = "latin-1" if b"latin" in start else "utf-8"
    source = start + "é = 'ü'; x = 1\nclass A(Bäse, metaclass=M):\n  def m(self, ß='ö'): pass\n".encode(codec)
    signatures = [each.signature for each in read(source.replace(b"\n", end)).symbols]
    assert signatures == ["é = 'ü'", "x = 1", "class A(Bäse, metaclass=M)", "def m(self, ß='ö')"]


SHAPES = '''
"""What it is for.

More.
"""
import typing as t
LIMIT: int = 3
a, (b, _c) = 1, (2, 3)
Alias: t.TypeAlias = "int"
T = t.TypeVar("T")
other.attribute = 1

class Base(Outer):
    """Hold things."""
    size: int
    kind = "x"
    def __init__(self): self.own = 1
    def __repr__(self): return ""
    @property
    def area(self): return self.helper() + free()
    @area.setter
    def area(self, value): pass
    @staticmethod
    def make(): return Base.make()
    def helper(self):
        def inner(): pass
        return inner
    class Inner:
        def deep(self): pass

class _Hidden:
    def shown(self): pass

if t.TYPE_CHECKING:
    def free(): ...
else:
    def free(): """Do it.

        Long."""
'''


def test_every_name_has_its_kind_and_is_public_or_not() -> None:
    found = [(each.name, each.kind.value, each.is_public) for each in read(SHAPES).symbols]
    assert found == [
        ("LIMIT", "constant", True),
        ("a", "constant", True),
        ("b", "constant", True),
        ("_c", "constant", False),
        ("Alias", "type", True),
        ("T", "type", True),
        ("Base", "class", True),
        ("Base.size", "field", True),
        ("Base.kind", "field", True),
        ("Base.__init__", "method", True),
        ("Base.__repr__", "method", False),
        ("Base.area", "property", True),
        ("Base.area#2", "property", True),
        ("Base.make", "method", True),
        ("Base.helper", "method", True),
        ("Base.Inner", "class", True),
        ("Base.Inner.deep", "method", True),
        ("_Hidden", "class", False),
        ("_Hidden.shown", "method", False),
        ("free", "function", True),
        ("free#2", "function", True),
    ]


def test_docstrings_decorators_lines_and_calls_within_the_file_are_told() -> None:
    skeleton = read(SHAPES)
    assert skeleton.docstring == "What it is for.\n\nMore."
    assert (skeleton.lines, skeleton.size) == (SHAPES.count("\n"), len(SHAPES))
    area = symbol(SHAPES, "Base.area")
    assert (area.calls, area.decorators) == (("Base.helper", "free"), ("property",))
    free = symbol(SHAPES, "free#2")
    assert (free.summary, free.documented, free.lines) == ("Do it.", True, 3)
    assert not symbol(SHAPES, "Base.make").calls


@pytest.mark.parametrize(
    ("source", "exports", "public"),
    [
        ("def f(): pass\ndef _g(): pass", None, ["f"]),
        ("__all__ = ['_g']\ndef f(): pass\ndef _g(): pass", ("_g",), ["_g"]),
        ("__all__ = ('f',)\n__all__ += ['_g']\ndef f(): pass\ndef _g(): pass", ("f", "_g"), ["f", "_g"]),
        ("__all__: list[str] = []\n__all__.extend(['f'])\n__all__.append('g')\ndef f(): pass", ("f", "g"), ["f"]),
        ("__all__ = ['f', 'g']\n__all__.remove('f')\ndef f(): pass\ndef g(): pass", ("g",), ["g"]),
        ("__all__ = base.__all__ + ['_g']\ndef f(): pass\ndef _g(): pass", ("_g",), ["f", "_g"]),
        ("__all__ = [n for n in dir()]\ndef f(): pass\ndef _g(): pass", None, ["f"]),
        ("__all__ = []\ndef f(): pass", (), []),
    ],
)
def test_all_says_what_is_public_as_far_as_it_is_a_literal(
    source: str, exports: tuple[str, ...] | None, public: list[str]
) -> None:
    skeleton = read(source)
    assert skeleton.exports == exports
    assert [each.name for each in skeleton.public()] == public


def test_each_import_has_the_kind_that_its_place_gives_it() -> None:
    source = """
import a.b as c, d
from ..e import f as g, h
from . import i
if TYPE_CHECKING:
    from j import k
    if x:
        import k2
else:
    import l
if not typing.TYPE_CHECKING:
    import m
else:
    import n
try:
    import o
except ImportError:
    import p
class A:
    import q
    def m(self):
        from r import *
        if TYPE_CHECKING: import s
with t: import u
v = importlib.import_module("w.x")
y = __import__("z")
importlib.import_module(name); importlib.import_module("no name")
"""
    top, lazy, checking, conditional = (
        EdgeKind.TOP_LEVEL,
        EdgeKind.LAZY,
        EdgeKind.TYPE_CHECKING,
        EdgeKind.CONDITIONAL,
    )
    found = [(each.module, each.names, each.level, each.kind) for each in read(source).imports]
    assert found == [
        ("a.b", (), 0, top),
        ("d", (), 0, top),
        ("e", ("f", "h"), 2, top),
        ("", ("i",), 1, top),
        ("j", ("k",), 0, checking),
        ("k2", (), 0, checking),
        ("l", (), 0, top),
        ("m", (), 0, top),
        ("n", (), 0, checking),
        ("o", (), 0, conditional),
        ("p", (), 0, conditional),
        ("q", (), 0, top),
        ("r", ("*",), 0, lazy),
        ("s", (), 0, lazy),
        ("u", (), 0, top),
        ("w.x", (), 0, lazy),
        ("z", (), 0, lazy),
    ]
    assert read("\nimport a").imports == (Import("a", (), 0, top, 2),)


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("pass", 1),
        ("if a: pass\nelif b: pass\nelse: pass", 3),
        ("return a and b or c", 3),
        ("return a and b and c", 3),
        ("for x in y:\n  while z: pass", 3),
        ("try: pass\nexcept A: pass\nexcept B: pass\nfinally: pass", 3),
        ("return [x for x in y if x if z for w in x]", 5),
        ("return a if b else c", 2),
        ("match a:\n  case 1: pass\n  case _: pass", 3),
        ("def inner():\n  if a: pass", 2),
        ("with a: assert b", 1),
    ],
)
def test_complexity_is_one_and_one_for_each_decision(body: str, complexity: int) -> None:
    source = "def f():\n" + "".join(f"  {line}\n" for line in body.split("\n"))
    assert symbol(source, "f").complexity == complexity


@pytest.mark.parametrize(
    ("body", "raises"),
    [
        ("raise ValueError", [("ValueError", "")]),
        ("if x < 0:\n  raise a.Error('no') from e", [("a.Error", "x < 0")]),
        ("if x:\n  pass\nelif  y ==  1:\n  raise A()\nelse:\n  raise B()", [("A", "y == 1"), ("B", "not (y == 1)")]),
        ("for x in y:\n  if (a and\n      b):  # c\n    raise A\nraise A", [("A", "a and b"), ("A", "")]),
        ("try: pass\nexcept E as e:\n  raise\nexcept F as f:\n  raise f\nelse:\n  raise G", [("G", "")]),
        ("raise A\nraise A", [("A", "")]),
        ("assert x, 'why'", [("AssertionError", "not (x)")]),
        ("raise self.error('x')", [("self.error", "")]),
        ("raise (A, B)[0]", []),
        ("match a:\n  case 1: raise A", [("A", "")]),
    ],
)
def test_what_is_raised_has_the_condition_nearest_around_it(body: str, raises: list[tuple[str, str]]) -> None:
    source = "def f():\n" + "".join(f"  {line}\n" for line in body.split("\n"))
    assert symbol(source, "f").raises == tuple(Raised(*each) for each in raises)


def test_conditions_and_their_number_are_bounded_and_asserts_of_tests_are_no_errors() -> None:
    many = "def f():\n" + "".join(f"  if {'x' * 500} == {n}: raise E{n}\n" for n in range(100))
    raises = symbol(many, "f").raises
    assert len(raises) == 20
    assert max(len(each.condition) for each in raises) == 120
    (test,) = read("def test_f():\n  assert x\n", "tests/test_module.py").symbols
    assert test.raises == ()


def test_markers_count_in_comments_alone() -> None:
    source = (
        '"""TODO: no"""\nx = "# FIXME no" # TODO(ann): later\n\'\'\'\n# XXX no\n\'\'\'\n# HACK\n#nothing\nf"# TODO"\n'
    )
    assert read(source).markers == (Marker("TODO", "(ann): later", 2), Marker("HACK", "", 6))


@pytest.mark.parametrize(
    ("head", "is_generated"),
    [
        ("# Generated by Django 3.2 on 2026-01-01", True),
        ("#!/usr/bin/env python\n# @generated", True),
        ("# DO NOT EDIT", True),
        ('"""Generated by hand."""', False),
        ("x = 1\n" * 6 + "# @generated", False),
        ("# reads what was generated", False),
    ],
)
def test_a_generated_file_says_so_in_the_comments_of_its_first_lines(head: str, is_generated: bool) -> None:
    assert read(head).is_generated is is_generated


def test_what_is_python_is_told_by_the_name_alone() -> None:
    assert [bool(language_of(path)) for path in ("a.py", "b/c.pyw", "a.pyi", "py", ".py", "a.txt", "a.py/b")] == [
        True, True, False, False, False, False, False,
    ]  # fmt: skip


def test_values_and_numbers_that_python_would_not_print_are_read() -> None:
    (number, text) = read(f"number = 0x{'f' * 9000}\ntext = '{'x' * 9000}'\n").symbols
    assert number.kind is SymbolKind.CONSTANT
    assert len(text.signature) == 200
    assert text.signature.endswith("…")
