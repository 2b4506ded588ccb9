from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt
from spec_views import ANSWER, INFERRED, SHOP, VIEW, C, F, huge, symbol, view_of

from nightwork.module_spec.asking.answer import Answer
from nightwork.module_spec.document.baseline import baseline_form, read_baseline
from nightwork.module_spec.document.comment import read_kept
from nightwork.module_spec.document.header import read_header, text_hash
from nightwork.module_spec.render.intent import purpose
from nightwork.module_spec.render.spec import confidence, render
from nightwork.module_spec.render.view import View
from nightwork.module_spec.source.project import Unit
from nightwork.module_spec.source.skeleton import Raised, Skeleton

HEADINGS = [
    "1. Intent", "2. Interface", "3. Business Logic", "4. Data Structures", "5. Constraints", "6. Edge Cases",
    "7. Technical Debt", "8. Test Coverage", "9. Dependencies", "Files",
]  # fmt: skip


def section(text: str, title: str) -> str:
    """Return what stands between a heading and the next one."""
    return text.partition(f" {title}\n")[2].partition("\n## ")[0]


def headings(text: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(text)
    return [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]


def test_a_spec_has_its_sections_in_fixed_order() -> None:
    _, text = read_header(render(VIEW)) or (None, "")
    assert headings(text) == ["shop/cart.py", *HEADINGS]


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("1. Intent", "to buy.\n\nA cart is emptied by `checkout`.\n\n- one more\n- two"),
        ("1. Intent", "80 lines of Python: 3 public classes, 1 public function and 1 public constant."),
        ("2. Interface", "# What is wanted.\nclass Cart\n    # Put an item in.\n    def add(self, item: Item"),
        ("2. Interface", "@dataclass(frozen=True)\nclass Item"),
        ("3. Business Logic", "| `Cart.add` | Put an item in. | `Cart._check` | 12 | 5 |"),
        ("3. Business Logic", "```mermaid\nflowchart LR"),
        ("4. Data Structures", "class Item\n    name: str\n    price: int | None = None"),
        ("4. Data Structures", "MAX_ITEMS: int = 99\n_seen = {}"),
        ("4. Data Structures", 'class n1["Gift"]\n    class n2["Item"]\n    n2 <|-- n1\n    n1 --> n2'),
        ("5. Constraints", "- `Cart.add` raises `ValueError` when `count < 1`."),
        ("5. Constraints", "- `MAX_ITEMS: int = 99` is a fixed limit."),
        ("5. Constraints", "- Instances of `Item` cannot be changed."),
        ("6. Edge Cases", "- `Cart.add` raises `Full`."),
        ("6. Edge Cases", "- May return nothing: `Cart.add`."),
        ("6. Edge Cases", "- Left to subclasses: `Cart.total`."),
        ("7. Technical Debt", r"- **TODO** round \<b\>down\</b\>"),
        ("7. Technical Debt", "- Cyclomatic complexity above 10: `Cart.add` (12)."),
        ("7. Technical Debt", "- Longer than 60 lines: `Cart._check` (90)."),
        ("7. Technical Debt", "- 2 of 6 public names without a docstring: `Gift` and `Cart.total`."),
        ("8. Test Coverage", "Imported by 1 test file:\n\n- `tests/test_cart.py`"),
        ("9. Dependencies", "| [`shop/money.py`](money.py.spec.md) | top-level | `Money` |  |"),
        ("9. Dependencies", "same cycle; its spec came later"),
        ("9. Dependencies", "This spec was written before that of `shop/order.py`: they need each other"),
        ("9. Dependencies", "Needed by 2 modules: [`shop/web.py`](web.py.spec.md) and [`app.py`](../app.py.spec.md)."),
        ("9. Dependencies", "Packages from outside: `attrs`.\n\nOf the standard library: `os`."),
        ("Files", "| `shop/cart.py` | 80 | 12 |  |"),
    ],
)  # fmt: skip
def test_what_the_syntax_tree_tells_stands_in_its_section(title: str, said: str) -> None:
    assert said in section(render(VIEW), title)


def test_what_a_model_says_stands_beside_the_facts_and_the_inferred_is_marked() -> None:
    text = render(replace(VIEW, answer=ANSWER, model="some-model"))
    assert "**Keeps what a customer wants to buy.**\n\nIt owns the `Cart`." in section(text, "1. Intent")
    assert "sentences are by some-model" in text
    assert "# An item that costs nothing.\nclass Gift(Item, metaclass=Meta)" in section(text, "2. Interface")
    constraints = section(text, "5. Constraints")
    assert (
        r"At most 99 items. \[inferred: the constant `MAX_ITEMS`\]" + "\n\nFrom the syntax tree:\n\n- " in constraints
    )
    assert "`Cart.add` raises `ValueError` when `count < 1`." in constraints


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (VIEW, "without a model: nothing in it is inferred. Confidence: medium."),
        (replace(VIEW, answer=ANSWER, model="m"), "sentences are by m. Confidence: medium."),
        (replace(VIEW, answer=ANSWER, model="m", is_truncated=True), "which did not see all of the source."),
        (
            replace(VIEW, model="m", degraded="no valid answer"),
            "gave nothing of use: no valid answer. Confidence: low.",
        ),
    ],
)
def test_a_spec_says_how_it_was_made(view: View, said: str) -> None:
    assert said in render(view)


BROKEN = Skeleton("shop/old.py", "python", 9, 3, "s", "t", error="line 3: invalid syntax", symbols=(symbol("sell"),))


@pytest.mark.parametrize(
    ("skeletons", "answer", "more", "expected"),
    [
        ([SHOP], ANSWER.model_copy(update={"constraints": ()}), {}, "high"),
        ([SHOP], ANSWER, {}, "medium"),
        ([SHOP], ANSWER.model_copy(update={"edge_cases": (INFERRED,) * 3}), {}, "low"),
        ([SHOP], None, {}, "medium"),
        ([SHOP], None, {"degraded": "time-out"}, "low"),
        ([SHOP], ANSWER.model_copy(update={"constraints": ()}), {"is_truncated": True}, "medium"),
        ([BROKEN], None, {}, "low"),
        ([BROKEN, SHOP, SHOP, SHOP], ANSWER.model_copy(update={"constraints": ()}), {}, "medium"),
        ([BROKEN, SHOP, SHOP], ANSWER.model_copy(update={"constraints": ()}), {}, "low"),
    ],
)
def test_confidence_follows_errors_inference_and_degradation(
    skeletons: list[Skeleton], answer: Answer | None, more: dict[str, str], expected: str
) -> None:
    view = replace(VIEW, skeletons=tuple(skeletons), answer=answer, **more)
    assert confidence(view) == expected


def test_a_file_that_cannot_be_parsed_says_so_and_tells_the_names_found() -> None:
    text = render(view_of(BROKEN, tests=()))
    assert "`shop/old.py` could not be parsed (line 3: invalid syntax)" in section(text, "1. Intent")
    assert "def sell()" in section(text, "2. Interface")
    assert "No test file imports it." in section(text, "8. Test Coverage")


def test_a_module_without_a_docstring_is_told_by_what_it_defines() -> None:
    bare = replace(SHOP, docstring="", symbols=SHOP.symbols[2:])
    intent = section(render(view_of(bare)), "1. Intent")
    assert "it defines the classes `Item`, `Gift` and `Cart` and the function `checkout`" in intent
    assert "`Item`: One thing in a cart." in intent
    empty = Skeleton("shop/__init__.py", "python", 0, 0, "s", "t", imports=SHOP.imports)
    intent = section(render(view_of(empty)), "1. Intent")
    assert "It has no docstring and defines nothing. It passes on names from `shop.money`." in intent


def test_a_package_tells_of_each_of_its_files() -> None:
    other = replace(SHOP, path="shop/money.py", symbols=(symbol("Money", C, "class Money"),), docstring="Coins.")
    text = render(replace(VIEW, unit=Unit("shop", ("shop/cart.py", "shop/money.py")), skeletons=(SHOP, other)))
    assert "Its files:\n\n- `cart.py`: Carts hold what somebody wants to buy.\n- `money.py`: Coins." in text
    assert (read_kept(text) or ("",))[0] == "2 files: cart.py, money.py"
    assert "`shop/money.py`:\n\n```python\nclass Money\n```" in section(text, "2. Interface")
    assert "160 lines of Python in 2 files" in text


def test_the_same_view_gives_the_same_bytes_and_the_front_matter_covers_them() -> None:
    text = render(VIEW)
    assert render(replace(VIEW)) == text
    header, rest = read_header(text) or (None, "")
    assert header is not None
    assert header.text_hash == text_hash(rest)
    assert (header.source_target, header.related_files, header.last_updated) == (
        "shop/cart.py",
        ("shop/cart.py",),
        "2026-01-02",
    )


def test_baseline_and_the_text_for_dependents_are_read_back() -> None:
    text = render(VIEW)
    assert read_baseline(text) == baseline_form([SHOP])
    assert read_kept(text) == ("Carts hold what somebody wants to buy.", "Carts.\nclass Cart")
    assert read_kept("# nothing kept\n") is None


def test_a_spec_has_at_most_700_lines_and_counts_what_it_leaves_out() -> None:
    text = render(huge())
    assert text.count("\n") <= 700
    assert "more constants" in text
    assert "more names: " in text


def test_a_package_of_two_thousand_files_has_at_most_700_lines() -> None:
    files = tuple(f"shop/file{number}.py" for number in range(2_000))
    view = replace(VIEW, unit=Unit("shop", files), skeletons=tuple(replace(SHOP, path=path) for path in files))
    text = render(view)
    assert text.count("\n") <= 700
    assert len(read_baseline(text) or ()) == 2_000


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("Say `this`, ``that`` and :class:`~a.b.C`.", "Say `this`, `that` and `a.b.C`."),
        ("Title\n=====\n\nText.", "**Title**\n\nText."),
        ("Shape:\n\n    a -> b\n    b -> c", "Shape:\n\n```text\n    a -> b\n    b -> c\n```"),
        ("* one\n* two\n  more", "- one\n- two more"),
        ("1. not a list", "1\\. not a list"),
        ("A\nB", "A B"),
    ],
)  # fmt: skip
def test_a_docstring_keeps_its_shape(docstring: str, shown: str) -> None:
    assert section(render(view_of(replace(SHOP, docstring=docstring))), "1. Intent").startswith(
        f"\n{shown}\n\n80 lines"
    )


def test_a_long_summary_is_cut_at_the_end_of_a_sentence() -> None:
    summary = f"Say it. Then say {'it again, ' * 30}."
    text = render(view_of(replace(SHOP, symbols=(symbol("f", F, "def f()", summary),))))
    assert "# Say it.\ndef f()" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Carts hold what somebody wants to buy."),
        ({"docstring": "=====\nCarts\n=====\n\nThey hold."}, "Carts"),
        ({"docstring": ""}, "defines Item, Gift, Cart, checkout"),
        ({"docstring": "", "symbols": SHOP.symbols[:2]}, "defines the constants MAX_ITEMS"),
        ({"docstring": "", "symbols": SHOP.symbols[1:2]}, "defines nothing public"),
        ({"docstring": "", "symbols": (), "exports": ("a", "b", "c", "d", "e")}, "passes on a, b, c, d and 1 more"),
        ({"docstring": "", "symbols": ()}, "holds no code of its own"),
        ({"docstring": "", "error": "line 1: no"}, "cannot be parsed"),
    ],
)
def test_the_purpose_of_a_module_is_one_plain_line(changes: dict[str, Any], told: str) -> None:
    assert purpose(view_of(replace(SHOP, **changes))) == told


def test_overloads_are_one_function_with_several_signatures() -> None:
    typing = {"decorators": ("t.overload",), "documented": False}
    skeleton = replace(
        SHOP,
        docstring="",
        symbols=(
            symbol("find", F, "def find(name: str) -> str", **typing),
            symbol("find#2", F, "def find(name: int) -> int | None", **typing),
            symbol("find#3", F, "def find(name)", "Find it.", raises=(Raised("LookupError"),), calls=("a", "b", "c")),
        ),
    )
    text = render(view_of(skeleton)).partition("<!--")[0]
    assert "#2" not in text
    assert "it defines the function `find`. `find`: Find it." in text
    assert "Python: 1 public function." in text
    assert section(text, "2. Interface").count("def find(") == 3
    assert "1 of 1 function" in section(text, "3. Business Logic")
    assert "`find` raises `LookupError`." in section(text, "6. Edge Cases")
    assert "without a docstring" not in text
