"""Which edits of a Python file its digests see, and which they do not."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.module_spec.source.language.python import Python
from nightwork.module_spec.source.language.python.words import Found, write
from nightwork.module_spec.source.skeleton import Skeleton

SOURCE = '''
"""What it is for."""

import a
import b
from c import d, e

LIMIT = 3
NAMES = ["x", "y"]


@decorated
def f(one, two=2, *, three: int = 3) -> int:
    """Do it."""
    if one and two:
        return {"k": one, **two}["k"]
    for each in range(1, 10):
        print(f"{each!r:>3}", end="")
    return one + two * three


class A(B):
    """Hold it."""

    size: int = 0
    if LIMIT:
        other = 1
    print(size)

    def m(self):
        return [x.y for x in self.z if x]
'''


def read(source: str) -> Skeleton:
    skeleton = Python().read("module.py", source.encode())
    assert not skeleton.error
    return skeleton


def edited(old: str, new: str) -> Skeleton:
    assert SOURCE.count(old) == 1
    return read(SOURCE.replace(old, new))


def bodies(skeleton: Skeleton) -> dict[str, str]:
    return {each.name: each.body for each in skeleton.symbols}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 3  # three"),
        ("LIMIT = 3", "# three\n\n\nLIMIT   =  (3)"),
        ('["x", "y"]', "[\n    'x',\n    'y',\n]"),
        ("f(one, two=2, *, three: int = 3)", "f(\n    one,\n    two=2,\n    *,\n    three: int = 3,\n)"),
        ("return one + two * three", "return (\n        one\n        + (two * three)\n    )"),
        ('"""Do it."""', "'''Do it.   '''"),
        ('"""Do it."""', '"""\n    Do it.\n    """'),
        ("import a\nimport b\n", "import b\nimport a\n"),
        ("import a\nimport b\n", "import a, b\n"),
        ("import a\nimport b\nfrom c import d, e\n", "from c import (e)\nfrom c import d\n# why\nimport b, a\n"),
        ("    def m(self):\n        return", "    def m( self ): return"),
        ("\n\n@decorated\n", "\n@decorated\n\n\n"),
    ],
)
def test_comments_white_space_formatting_and_the_order_of_imports_do_not_count(old: str, new: str) -> None:
    now, before = edited(old, new), read(SOURCE)
    assert now.tree_hash == before.tree_hash
    assert now.source_hash != before.source_hash
    assert bodies(now) == bodies(before)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("LIMIT = 3", "LIMIT = 4", {"LIMIT"}),
        ("LIMIT = 3", "LIMIT = 3.0", {"LIMIT"}),
        ("LIMIT = 3", "LIMIT: int = 3", set()),
        ('["x", "y"]', '("x", "y")', {"NAMES"}),
        ('["x", "y"]', '["xy"]', {"NAMES"}),
        ("What it is for", "What it was for", set()),
        ("Do it", "Do that", set()),
        ("@decorated\n", "", set()),
        ("@decorated", "@decorated()", set()),
        ("two=2", "two=3", set()),
        ("*, three", "three", set()),
        ("-> int", "-> str", set()),
        ("one and two", "one or two", {"f"}),
        ("one and two", "two and one", {"f"}),
        ('"k": one, **two', '**two, "k": one', {"f"}),
        ("range(1, 10)", "range(1, *10)", {"f"}),
        ("range(1, 10)", "range((1, 10))", {"f"}),
        ("!r:>3", "!s:>3", {"f"}),
        ("!r:>3", "!r:>4", {"f"}),
        ("one + two * three", "(one + two) * three", {"f"}),
        ("one + two * three", "one - two * three", {"f"}),
        ("A(B)", "A(C)", set()),
        ("A(B)", "A(metaclass=B)", set()),
        ("    if LIMIT:\n", "    if not LIMIT:\n", {"A"}),
        ("print(size)", "print(size + 1)", {"A"}),
        ("size: int = 0", "size: int = 1", {"A.size"}),
        ("x.y for x", "x.z for x", {"A.m"}),
        ("if x]", "if not x]", {"A.m"}),
        ("    def m(self):", "    async def m(self):", set()),
        ("import a\nimport b\n", "import a\n", set()),
        ("import b\n", "import b as c\n", set()),
        ("import a\nimport b\n", "import a\nNAME = 1\nimport b\n", set()),
        ("from c import", "from .c import", set()),
    ],
)
def test_everything_else_counts_and_a_body_counts_for_its_own_symbol_alone(
    old: str, new: str, changed: set[str]
) -> None:
    now, before = edited(old, new), read(SOURCE)
    assert now.tree_hash != before.tree_hash
    was = bodies(before)
    assert {name for name, body in bodies(now).items() if was.get(name, body) != body} == changed


NAMES = st.sampled_from(["a", "b", "value", "lower", "None_"])
EXPRESSIONS = st.recursive(
    NAMES
    | st.integers(0, 3).map(str)
    | st.sampled_from(["'a'", "'a\\0b'", "b'a'", "...", "None", "'[1'", "1.0", "()"]),
    lambda inner: st.one_of(
        st.tuples(inner, NAMES).map(lambda each: f"({each[0]}).{each[1]}"),
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.tuples(inner, st.lists(inner, max_size=2)).map(lambda each: f"({each[0]})({', '.join(each[1])})"),
        st.tuples(NAMES, inner, NAMES).map(lambda each: f"{each[0]}({each[1]}, {each[2]}=1)"),
        st.tuples(inner, st.sampled_from(["+", "-", "and", "<", "is not", "or"]), inner).map(
            lambda each: f"({each[0]} {each[1]} {each[2]})"
        ),
        st.tuples(inner, inner).map(lambda each: f"({each[0]})[{each[1]}:]"),
        st.tuples(inner, inner).map(lambda each: f"({each[0]})[:{each[1]}]"),
        st.tuples(inner, inner).map(lambda each: f"(({each[0]}), {each[1]})"),
        st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} if {each[1]} else {each[2]})"),
        st.tuples(inner, inner).map(lambda each: f"[{each[0]} for a in {each[1]}]"),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_two_trees_have_the_same_words_only_if_they_are_the_same(one: str, other: str) -> None:
    trees = [ast.parse(source) for source in (one, other)]
    words: list[list[str]] = [[], []]
    for tree, each in zip(trees, words, strict=True):
        write([tree], each, Found())
    assert (words[0] == words[1]) == (ast.dump(trees[0]) == ast.dump(trees[1]))
    assert ("\0".join(words[0]) == "\0".join(words[1])) == (words[0] == words[1])
