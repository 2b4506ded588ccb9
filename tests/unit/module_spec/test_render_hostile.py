"""Whatever text stands in a code base or comes from a model, a spec has its own structure and nothing else."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from spec_views import ATTACKS, SHOP, VIEW, attacked, symbol

from nightwork.module_spec.document.header import read_header
from nightwork.module_spec.render.spec import render
from nightwork.module_spec.source.skeleton import SymbolKind

PIECES = st.lists(st.sampled_from(ATTACKS) | st.text(st.characters(codec="utf-8"), max_size=9), max_size=4).map("".join)


def tokens_of(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def assert_sound(text: str) -> None:
    header, rest = read_header(text) or (None, "")
    assert header is not None, "the front matter cannot be read"
    assert rest.encode("utf-8").decode("utf-8") == rest
    tokens = tokens_of(rest)
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert [each.split(". ")[0] for each in headings[1:]] == [*"123456789", "Files"]
    html = [token.content for token in tokens if token.type == "html_block"]
    assert [each.split(" ")[1] for each in html] == ["nightwork:interface", "nightwork:baseline"]
    assert all(each.startswith("<!-- ") and each.rstrip().endswith("-->") and each.count("-->") == 1 for each in html)
    inline = [child for token in tokens for child in token.children or ()]
    assert not [child for child in inline if child.type in {"html_inline", "image"}]
    assert all(re.fullmatch(r"[\w./%~-]+", str(child.attrGet("href"))) for child in inline if child.type == "link_open")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u202e]", text)
    kinds = {
        "fence",
        "heading_open",
        "paragraph_open",
        "bullet_list_open",
        "table_open",
        "blockquote_open",
        "html_block",
    }
    assert {token.type for token in tokens if token.level == 0 and token.nesting >= 0} <= kinds
    assert sum(token.type == "blockquote_open" for token in tokens) == 1
    assert text.count("\n") <= 700


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_no_text_breaks_out_of_its_place(attack: str) -> None:
    assert_sound(render(attacked(attack)))
    assert_sound(render(replace(attacked(attack), answer=None)))
    assert_sound(render(replace(attacked(attack), degraded="")))


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_no_mixture_of_texts_breaks_out_of_its_place(text: str) -> None:
    assert_sound(render(attacked(text)))


def test_secrets_are_written_nowhere() -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    hidden = f"{secret[:12]}\u200b{secret[12:]}"
    for text in (secret, hidden, f'TOKEN = "{secret}"'):
        assert secret not in render(attacked(text, "a.py")).replace("\\", "")


def test_a_long_docstring_without_a_break_is_cut() -> None:
    view = replace(VIEW, skeletons=(replace(SHOP, docstring="word " * 200_000),))
    assert len(render(view)) < 20_000


def test_huge_names_and_signatures_make_no_huge_spec() -> None:
    name = "n" * 1_000_000
    symbols = tuple(
        symbol(
            f"{name}{at}",
            SymbolKind.FUNCTION,
            f"def {name}()",
            "word " * 100_000,
            calls=(f"{name}1", f"{name}2"),
            complexity=30,
        )
        for at in range(5)
    )
    text = render(replace(VIEW, skeletons=(replace(SHOP, symbols=symbols),)))
    assert len(text.partition("<!-- nightwork:baseline")[0]) < 50_000
