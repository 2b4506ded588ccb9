from datetime import date

import pytest

from shop.cart import Cart
from shop.catalogue import Product
from shop.discounts import Discount, InvalidCode, find_discount
from shop.pricing import price_cart


def test_cart_adds_up(screws, hammer):
    cart = Cart()
    cart.add(screws, 2)
    cart.add(hammer)
    cart.add(screws)
    assert [(line.product, line.quantity) for line in cart.lines] == [(screws, 3), (hammer, 1)]
    assert cart.subtotal_cents == 3 * 499 + 2450


def test_cart_forgets_what_is_removed(screws):
    cart = Cart()
    cart.add(screws)
    cart.remove(screws)
    assert cart.lines == []


@pytest.mark.parametrize("quantity", [0, 1000])
def test_cart_refuses_odd_quantities(screws, quantity):
    with pytest.raises(ValueError):
        Cart().add(screws, quantity)


def test_small_orders_pay_shipping(screws):
    cart = Cart()
    cart.add(screws, 2)
    price = price_cart(cart)
    assert (price.shipping_cents, price.total_cents, price.vat_cents) == (490, 1488, 238)


def test_large_orders_ship_free(hammer):
    cart = Cart()
    cart.add(hammer, 3)
    assert price_cart(cart).total_cents == 7350


def test_the_discount_counts_before_free_shipping(hammer):
    cart = Cart()
    cart.add(hammer, 2)
    cart.add(Product("NAIL-2", "Nails", 150))
    price = price_cart(cart, Discount("SPRING", percent=10))
    assert (price.discount_cents, price.shipping_cents) == (505, 490)


def test_an_empty_cart_has_no_price():
    with pytest.raises(ValueError, match="empty"):
        price_cart(Cart())


def test_a_discount_never_exceeds_the_subtotal():
    assert Discount("GIFT", amount_cents=5000).off(1200) == 1200


def test_finds_codes_in_any_case(today):
    assert find_discount(" spring ", 100, today).percent == 10


@pytest.mark.parametrize(("code", "complaint"), [("NOPE", "unknown"), ("WELCOME", "too small")])
def test_refuses_codes(code, complaint, today):
    with pytest.raises(InvalidCode, match=complaint):
        find_discount(code, 1999, today)


def test_a_code_holds_through_its_last_day(today):
    codes = {"MARCH": Discount("MARCH", percent=5, last_day=today)}
    assert find_discount("MARCH", 100, today, codes).percent == 5
    with pytest.raises(InvalidCode, match="ended"):
        find_discount("MARCH", 100, date(2024, 3, 16), codes)
