from __future__ import annotations

import html
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nightwork.markdown import escape, fence, printable, sections, table

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
marked = st.lists(
    st.sampled_from([*"`*_[]()#+-=!|~<>$&\\.:1 ax\n\t\r", "```", "~~~", "\u200b", "http://x.y", "---"]), max_size=20
)
hostile = text | marked.map("".join)


def seen(line):
    return html.escape(" ".join(printable(line).split()), quote=False)


def rendered(source):
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source).replace("&quot;", '"')


@given(hostile)
@example("- item")
@example("1. item")
@example("1.")
@example("2026-01-15-overnight")
@example("99.6")
@example("---")
@example("===")
@example("<script>alert(1)</script>")
@example("[a](http://x.y)")
def test_escaped_text_at_the_start_of_a_line_renders_as_itself(line):
    if seen(line):
        assert rendered(escape(line)) == f"<p>{seen(line)}</p>\n"


@pytest.mark.parametrize("text", ["2026-01-15-overnight: 4 of 4 ready", "99.6"])
def test_dates_and_numbers_read_as_they_are_where_nothing_renders_them(text):
    assert escape(text) == text


@given(hostile)
def test_escaped_text_inside_a_line_renders_as_itself(line):
    assert rendered(f"says: {escape(line)} end") == f"<p>says: {escape_spaces(seen(line))}end</p>\n"


def escape_spaces(shown):
    return f"{shown} " if shown else " "


@given(hostile, hostile)
def test_a_cell_cannot_open_another_cell_or_row(first, second):
    found = rendered(table(("a", "b"), [(first, second)]))
    assert found.count("<td>") == 2
    assert f"<td>{seen(first)}</td>\n<td>{seen(second)}</td>" in found


@given(hostile)
@example("```\n# free")
@example("``\u200b`\n# free")
@example("`\x00``\n# free")
@example("````\n````")
@example("~~~")
def test_fenced_text_cannot_leave_its_block(block):
    tokens = MarkdownIt("commonmark").parse(f"before\n\n{fence(block)}\n\nafter")
    assert [token.type for token in tokens] == [
        *("paragraph_open", "inline", "paragraph_close"),
        "fence",
        *("paragraph_open", "inline", "paragraph_close"),
    ]
    assert tokens[3].content.rstrip("\n") == printable(block).rstrip("\n")


@given(text)
def test_printable_text_holds_no_control_and_no_format_characters(line):
    kept = printable(line)
    assert not any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in kept)
    assert printable(kept) == kept


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\x1b[31mb", "a[31mb"),
        ("a\u202eb", "ab"),
        ("a\u200bb", "ab"),
        ("a\ufeffb", "ab"),
        ("a\x00b\x7fc\x9bd", "abcd"),
        ("a\r\nb", "a\nb"),
        ("a\tb\n", "a\tb\n"),
        ("é漢😀", "é漢😀"),
    ],
    ids=ascii,
)
def test_what_hides_or_reorders_is_left_out(given, expected):
    assert printable(given) == expected


def test_sections_are_split_at_headings_with_their_items():
    found = sections("zero\n\n# One\n\ntext\n- a\n- b\n  c\n\nTwo\n---\n1. x\n   - nested\n")
    assert [(s.title, s.line, s.items) for s in found] == [("", 0, ()), ("One", 2, ("a", "b c")), ("Two", 9, ("x",))]
    assert found[1].text == "text\n- a\n- b\n  c"


def test_a_heading_inside_a_code_block_or_a_quote_is_none():
    found = sections("# One\n```\n# two\n- a\n```\n> # three\n> - b\n")
    assert [(s.title, s.items) for s in found] == [("", ()), ("One", ())]


@given(hostile)
def test_any_text_has_sections(line):
    assert sections(line)[0].title == ""


def test_a_text_of_brackets_is_split_in_a_moment():
    started = time.monotonic()
    sections("[" * 40_000)
    assert time.monotonic() - started < 0.5
