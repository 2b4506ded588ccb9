import pytest

from shop.cart import Cart
from shop.checkout import place_order
from shop.inventory import Inventory, OutOfStock
from shop.orders import OrderBook, Status, UnknownOrder, WrongStatus
from shop.reports import best_sellers, day_report, sales_of
from shop.storage import count_rows


def cart_of(*items):
    cart = Cart()
    for product, quantity in items:
        cart.add(product, quantity)
    return cart


def test_an_order_takes_the_goods(database, screws, hammer, today):
    order = place_order(database, "ada", cart_of((screws, 4), (hammer, 1)), today)
    assert order.status is Status.PLACED
    assert order.total_cents == 4 * 499 + 2450 + 490
    assert [line.sku for line in order.lines] == ["SCR-4", "HAM-1"]
    assert Inventory(database).quantity("SCR-4") == 36


def test_a_code_makes_it_cheaper(database, hammer, today):
    order = place_order(database, "ada", cart_of((hammer, 3)), today, code="SPRING")
    assert order.total_cents == 7350 - 735


def test_without_stock_nothing_is_written(database, screws, hammer, today):
    with pytest.raises(OutOfStock, match="HAM-1: 4 wanted, 3 there"):
        place_order(database, "ada", cart_of((screws, 1), (hammer, 4)), today)
    assert Inventory(database).quantity("SCR-4") == 40
    assert count_rows(database, "orders") == 0


def test_a_shipped_order_cannot_be_cancelled(database, screws, today):
    order = place_order(database, "ada", cart_of((screws, 1)), today)
    book = OrderBook(database)
    book.ship(order.id)
    with pytest.raises(WrongStatus, match="is shipped"):
        book.cancel(order.id)


def test_unknown_order(database):
    with pytest.raises(UnknownOrder):
        OrderBook(database).get(7)


def test_low_stock_lists_the_fewest_first(database):
    Inventory(database).deliver("SCR-4", 1)
    assert Inventory(database).low() == [("HAM-1", 3)]
    assert Inventory(database).low(100) == [("HAM-1", 3), ("SCR-4", 41)]


def test_a_delivery_has_pieces(database):
    with pytest.raises(ValueError):
        Inventory(database).deliver("SCR-4", 0)


def test_reports_leave_cancelled_orders_out(database, screws, hammer, today):
    place_order(database, "ada", cart_of((screws, 5)), today)
    cancelled = place_order(database, "bob", cart_of((hammer, 2)), today)
    OrderBook(database).cancel(cancelled.id)
    assert sales_of(database, today).orders == 1
    assert best_sellers(database) == [("Wood screws 4 mm", 5)]
    assert day_report(database, today).splitlines()[0] == "2024-03-15: 1 orders, 29.85 EUR"
