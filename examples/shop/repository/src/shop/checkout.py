"""Turns a cart into an order."""

import sqlite3
from datetime import date

from shop.cart import Cart
from shop.discounts import find_discount
from shop.inventory import Inventory
from shop.orders import Order, OrderBook
from shop.pricing import price_cart


def place_order(
    connection: sqlite3.Connection,
    customer: str,
    cart: Cart,
    today: date,
    code: str | None = None,
) -> Order:
    """Take the goods from the shelf and write the order, both or neither.

    Raises OutOfStock, InvalidCode, and ValueError for an empty cart.
    """
    discount = find_discount(code, cart.subtotal_cents, today) if code else None
    price = price_cart(cart, discount)
    inventory, orders = Inventory(connection), OrderBook(connection)
    with connection:
        for line in cart.lines:
            inventory.take(line.product.sku, line.quantity)
        number = orders.record(customer, cart, price, today)
    return orders.get(number)
