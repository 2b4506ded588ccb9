from __future__ import annotations

import pytest

from nightwork.module_spec.asking.answer import Answer, Described, Statement
from nightwork.module_spec.asking.names import Known, mark_unknown, project_names, unknown_names

SOURCE = "class Cart:\n    def add(self, item): ...\n    TOKEN = 'x-trace-id'\n# see PRICE_TABLE\n"


@pytest.fixture
def known(skeleton):
    other = skeleton("def ship(parcel, to_country): pass\n", "src/shop/shipping.py")
    return Known(project_names([skeleton(SOURCE), other], ["requests"]), SOURCE)


def answer(text: str, **more) -> Answer:
    return Answer(purpose="p", intent=text, **more)


@pytest.mark.parametrize(
    "name",
    [
        "Cart", "Cart.add", "add(item)", "Cart.add(thing, other=made_up)", "self.add", "ship", "parcel", "to_country",
        "src/shop/shipping.py", "shop.shipping.ship", "requests", "list[Cart]", "dict[str, int]", "raise ValueError",
        "os", "asyncio", "x-trace-id", "PRICE_TABLE", "Promise<Cart>", "readonly", "None", "42",
        "'any text'", "# see PRICE_TABLE", "==", "add(ship(x))", "str.join",
    ],
)  # fmt: skip
def test_what_stands_in_the_code_or_the_language_is_known(known, name):
    assert unknown_names(answer(f"It has `{name}` in it."), known) == ()


@pytest.mark.parametrize("name", ["Basket", "Cart.drop", "drop()", "shop.billing.ship", "list[Basket]", "x_trace"])
def test_what_stands_nowhere_is_unknown(known, name):
    assert unknown_names(answer(f"It has `{name}` in it, `Cart` too."), known) == (name,)


def test_every_field_is_looked_through_and_each_name_told_once(known):
    given = answer(
        "`A1`",
        interface=(Described(name="gone", text="`A2`"), Described(name="Cart", text="a cart")),
        business_logic=(Statement(text="`A3` and `A1`", inferred_from="`A4`"),),
        test_coverage=(Statement(text="``A5``"),),
    )
    assert sorted(unknown_names(given, known)) == ["A1", "A2", "A3", "A4", "A5", "gone"]


def test_a_name_that_is_not_described_needs_no_backquotes_and_a_lone_backquote_is_text(known):
    assert unknown_names(answer("Nothing here ` of note"), known) == ()


def test_unknown_names_lose_their_backquotes_and_are_marked(known):
    given = answer("Uses `Cart` and `Basket`.", interface=(Described(name="gone", text="x"),))
    marked = mark_unknown(given, unknown_names(given, known))
    assert marked.intent == "Uses `Cart` and Basket (not found in the code)."
    assert marked.interface == ()
    assert unknown_names(marked, known) == ()


def test_a_marked_answer_is_still_a_valid_one(known):
    given = answer("i", constraints=(Statement(text=("`Aa` " * 200).strip()),))
    marked = mark_unknown(given, unknown_names(given, known))
    assert Answer.model_validate(marked.model_dump()) == marked
    assert len(marked.constraints[0].text) <= 1_000


def test_hostile_texts_take_no_time_worth_telling(known):
    for text in (
        "`" * 3_000,
        "`a" * 1_500,
        "`" + "(" * 2_900 + "`",
        "`" + "\"'" * 1_400 + "`",
        "`" + "a(" * 1_400 + "`",
    ):
        unknown_names(answer(text), known)
