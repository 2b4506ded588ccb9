import pytest

from shop.money import format_cents, parse_cents, percent_of


@pytest.mark.parametrize(("text", "cents"), [("12.50", 1250), (" 7 ", 700), ("-3", -300)])
def test_reads_amounts(text, cents):
    assert parse_cents(text) == cents


@pytest.mark.parametrize("text", ["ten", "1.005", "NaN"])
def test_refuses_what_is_no_amount(text):
    with pytest.raises(ValueError):
        parse_cents(text)


def test_writes_amounts():
    assert format_cents(1250) == "12.50 EUR"
    assert format_cents(-5) == "-0.05 EUR"


def test_rounds_half_cents_up():
    assert percent_of(1005, 10) == 101
    assert percent_of(1004, 10) == 100
