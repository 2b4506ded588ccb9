import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightwork.score.source import MAX_SOURCE, added_complexity, undocumented_names

STRAIGHT = b"def f(a):\n    return a\n"
BRANCHING = b"def f(a):\n    if a and a > 1:\n        return 1\n    return a\n"


@pytest.mark.parametrize(
    ("before", "after", "path", "added"),
    [
        pytest.param(None, BRANCHING, "a.py", 3, id="a new file adds all of its paths"),
        pytest.param(STRAIGHT, BRANCHING, "a.py", 2, id="a changed function adds its new paths"),
        pytest.param(BRANCHING, STRAIGHT, "a.py", 0, id="simpler code adds nothing"),
        pytest.param(BRANCHING, None, "a.py", 0, id="a deleted file adds nothing"),
        pytest.param(b"", b"X = 1\n", "a.py", 0, id="code without functions adds nothing"),
        pytest.param(None, b"function f(a) { return a ? 1 : 2 }", "a.js", 2, id="JavaScript is known"),
        pytest.param(None, b"int f(int a) { if (a) return 1; return 0; }", "a.c", 2, id="C is known"),
        pytest.param(None, b"# Title", "README.md", None, id="a document has no complexity"),
        pytest.param(None, b"x", "Makefile", None, id="an unknown kind of file"),
        pytest.param(None, b"#lizard forgive global\n" + BRANCHING, "a.py", 3, id="a marker hides nothing"),
        pytest.param(None, b"# GENERATED CODE\n" + BRANCHING, "a.py", 3, id="code said to be generated counts too"),
        pytest.param(None, b"\xff\xfe\x00" + BRANCHING, "a.py", 3, id="source that is no text adds what is seen"),
        pytest.param(None, b"function f() { " * 5000, "a.js", None, id="deep nesting cannot be told"),
        pytest.param(None, b" " * (MAX_SOURCE + 1), "a.py", None, id="a huge file cannot be told"),
    ],
)
def test_added_complexity(before: bytes | None, after: bytes | None, path: str, added: int | None) -> None:
    assert added_complexity(before, after, path) == added


MODULE = textwrap.dedent('''
    def documented():
        """Say what it is."""

    def plain(): ...

    async def waiting(): ...

    def _private(): ...

    class Cart:
        """Hold things."""

        def __init__(self): ...
        def add(self): ...
        def _sum(self): ...
        class Inner: ...

        @property
        def size(self):
            """Count them."""

        @size.setter
        def size(self, value): ...

        @typing.override
        def close(self): ...

    class Bare:
        def run(self): ...

    class _Hidden:
        def run(self): ...

    if TYPE_CHECKING:
        def guarded(): ...
''').encode()


def test_new_public_names_without_a_docstring_are_listed_in_order() -> None:
    expected = ["plain", "waiting", "Cart.add", "Bare", "Bare.run", "guarded"]
    assert undocumented_names(None, MODULE, "shop/cart.py") == expected


def test_names_that_were_there_before_are_not_listed() -> None:
    after = MODULE + b"\ndef late(): ...\n"
    assert undocumented_names(MODULE, after, "shop/cart.py") == ["late"]


@pytest.mark.parametrize(
    ("before", "after", "path", "names"),
    [
        pytest.param(None, MODULE, "tests/test_cart.py", [], id="tests need no docstrings"),
        pytest.param(MODULE, None, "cart.py", [], id="a deleted file has no new names"),
        pytest.param(None, MODULE, "cart.js", None, id="another language cannot be told"),
        pytest.param(None, b"def f(:", "cart.py", None, id="broken source cannot be told"),
        pytest.param(
            b"def f(:", b"def f(): ...", "cart.py", None, id="what is new against broken source cannot be told"
        ),
        pytest.param(None, b"\x00", "cart.py", None, id="null bytes"),
        pytest.param(None, b"\xff\xfe\xfa", "cart.py", None, id="bytes that are no text"),
        pytest.param(None, b"# coding: nonsense\n", "cart.py", None, id="an unknown encoding"),
        pytest.param(None, b"# coding: latin-1\ndef caf\xe9(): ...\n", "cart.py", ["café"], id="a declared encoding"),
        pytest.param(None, b"x = '\\d'\ndef f(): ...\n", "cart.py", ["f"], id="a bad escape is only a warning"),
        pytest.param(None, b"(" * 50_000, "cart.py", None, id="deep parentheses"),
        pytest.param(None, b"-" * 200_000 + b"1", "cart.py", None, id="deep operators"),
        pytest.param(None, b"a." * 100_000 + b"b", "cart.py", None, id="deep attributes"),
        pytest.param(None, b"def f():\n  ''\n", "cart.py", ["f"], id="an empty docstring is none"),
    ],
)
def test_undocumented_names(before: bytes | None, after: bytes | None, path: str, names: list[str] | None) -> None:
    assert undocumented_names(before, after, path) == names


PIECES = [
    "def f(",
    "class A",
    "{",
    "}",
    "(",
    ")",
    ":",
    "\n",
    "  ",
    "if ",
    "'",
    '"',
    "`",
    "${",
    "=>",
    "<",
    "#",
    "/*",
    "\\",
]


@settings(max_examples=300, deadline=None)
@given(
    source=st.binary(max_size=60)
    | st.lists(st.sampled_from(PIECES), max_size=40).map(lambda each: "".join(each).encode()),
    ending=st.sampled_from(
        [
            "py",
            "c",
            "java",
            "js",
            "ts",
            "tsx",
            "go",
            "rs",
            "rb",
            "php",
            "swift",
            "kt",
            "lua",
            "scala",
            "cs",
            "erl",
            "f90",
            "pl",
            "r",
            "vue",
            "zig",
            "sql",
            "m",
            "st",
        ]
    ),
)
def test_no_source_makes_it_fail(source: bytes, ending: str) -> None:
    complexity = added_complexity(b"", source, f"a.{ending}")
    assert complexity is None or complexity >= 0
    assert undocumented_names(None, source, f"a.{ending}") is None or ending == "py"
