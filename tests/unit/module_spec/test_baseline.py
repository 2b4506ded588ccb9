import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightwork.module_spec.document.baseline import baseline_form, read_baseline, write_baseline
from nightwork.module_spec.document.header import digest
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Skeleton, Symbol, SymbolKind

# What could end the comment, the line or the JSON, beside any other text, halves of surrogate pairs included.
HOSTILE = st.sampled_from(
    ["-->", "--", "--!>", "<!-- nightwork:baseline x", "\n-->\n", '"', "\\", "\u2028", "\udcff", "\x1b[31m"]
)
TEXT = st.lists(HOSTILE | st.text(st.characters(codec=None), max_size=6), max_size=4).map("".join)
IMPORTS = st.builds(
    Import, TEXT, st.lists(TEXT, max_size=3).map(tuple), st.integers(0, 3), st.sampled_from(EdgeKind), st.integers(1, 9)
)
SYMBOLS = st.builds(
    Symbol, TEXT, st.sampled_from(SymbolKind), TEXT, TEXT, TEXT, st.integers(1, 9), st.integers(1, 9), st.booleans()
)
SKELETONS = st.builds(
    Skeleton, TEXT, TEXT, st.integers(0, 9), st.integers(0, 9), TEXT, TEXT, TEXT, TEXT,
    symbols=st.lists(SYMBOLS, max_size=3).map(tuple), imports=st.lists(IMPORTS, max_size=3).map(tuple),
)  # fmt: skip
ONE = Skeleton(
    "a/b.py", "python", 10, 2, "s1", "t1",
    symbols=(Symbol("f", SymbolKind.FUNCTION, "def f(a: int = 1) -> str", "Say it.", "b1", 3, 9, True),),
    imports=(Import("z", ("y",), 1, EdgeKind.LAZY, 7), Import("a", (), 0, EdgeKind.TOP_LEVEL, 9)),
)  # fmt: skip
LINE = write_baseline([ONE]).split("\n")[1]


@settings(max_examples=50, deadline=None)
@given(st.lists(SKELETONS, max_size=3), TEXT)
def test_what_is_written_is_read_back_behind_any_text(skeletons: list[Skeleton], before: str) -> None:
    written = write_baseline(skeletons)
    assert read_baseline(f"{before}\n{written}") == read_baseline(written) == baseline_form(skeletons)


@settings(max_examples=50, deadline=None)
@given(st.lists(SKELETONS, max_size=3))
def test_nothing_in_a_baseline_can_end_its_comment_or_hide_in_it(skeletons: list[Skeleton]) -> None:
    inside = write_baseline(skeletons).removeprefix("<!-- nightwork:baseline").removesuffix("\n-->\n")
    assert inside.isascii()
    assert not any(mark in inside for mark in ("<", ">", "--", "\r", "\x1b"))


def test_a_baseline_holds_what_drift_compares_and_no_line_numbers() -> None:
    (read,) = read_baseline(write_baseline([ONE])) or ()
    assert (read.path, read.language, read.source_hash, read.tree_hash) == ("a/b.py", "python", "s1", "t1")
    assert read.symbols[0].signature == "def f(a: int = 1) -> str"
    assert (read.symbols[0].line, read.symbols[0].documented) == (0, True)
    assert [(each.module, each.level, each.kind) for each in read.imports] == [
        ("a", 0, EdgeKind.TOP_LEVEL),
        ("z", 1, EdgeKind.LAZY),
    ]


def test_the_form_of_a_baseline_is_the_same_when_only_lines_and_the_order_of_imports_change() -> None:
    moved = replace(ONE, imports=ONE.imports[::-1], symbols=(replace(ONE.symbols[0], line=80),), size=11)
    assert baseline_form([moved]) == baseline_form([ONE])
    other = replace(ONE, symbols=(replace(ONE.symbols[0], summary="Say something else."),))
    assert baseline_form([other]) != baseline_form([ONE])


def test_a_secret_in_a_signature_is_not_written() -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    leaky = replace(ONE, symbols=(replace(ONE.symbols[0], signature=f'TOKEN = "{secret}"'),))
    assert secret not in write_baseline([leaky])
    assert read_baseline(write_baseline([leaky])) == baseline_form([leaky])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a spec without a baseline\n",
        "\n<!-- nightwork:baseline",
        write_baseline([ONE]).replace("int = 1", "int = 2"),
        write_baseline([ONE]).replace("-->", ""),
        write_baseline([ONE])[:-40],
        *(
            f"<!-- nightwork:baseline {digest(lines)}\n{lines}\n-->\n"
            for lines in ("{}", "null", "[" * 100_000, '{"path": 1}', LINE.replace("lazy", "sometimes"))
        ),
    ],
    ids=lambda text: json.dumps(text[:30]),
)  # fmt: skip
def test_a_baseline_that_is_absent_or_not_as_it_was_written_is_none(text: str) -> None:
    assert read_baseline(text) is None
