"""Orders and their status."""

import sqlite3
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shop.cart import Cart
from shop.pricing import Price


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class UnknownOrder(LookupError):
    """There is no order with this number."""


class WrongStatus(Exception):
    """The order's status does not allow this."""


@dataclass(frozen=True)
class OrderLine:
    """A product as it was bought."""

    sku: str
    quantity: int
    price_cents: int


@dataclass(frozen=True)
class Order:
    """An order as the database has it."""

    id: int
    customer: str
    status: Status
    total_cents: int
    placed_on: date
    lines: tuple[OrderLine, ...]


class OrderBook:
    """The orders in the database; the caller holds the transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def record(self, customer: str, cart: Cart, price: Price, today: date) -> int:
        """Write a new order and return its number."""
        number = self._connection.execute(
            "INSERT INTO orders (customer, status, total_cents, placed_on) VALUES (?, ?, ?, ?)",
            (customer, Status.PLACED, price.total_cents, today.isoformat()),
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO order_lines (order_id, sku, quantity, price_cents) VALUES (?, ?, ?, ?)",
            [
                (number, line.product.sku, line.quantity, line.product.price_cents)
                for line in cart.lines
            ],
        )
        return number

    def get(self, number: int) -> Order:
        """Return an order; raises UnknownOrder."""
        row = self._connection.execute("SELECT * FROM orders WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise UnknownOrder(number)
        lines = self._connection.execute(
            "SELECT sku, quantity, price_cents FROM order_lines WHERE order_id = ?", (number,)
        )
        return Order(
            id=row["id"],
            customer=row["customer"],
            status=Status(row["status"]),
            total_cents=row["total_cents"],
            placed_on=date.fromisoformat(row["placed_on"]),
            lines=tuple(OrderLine(**line) for line in lines),
        )

    def ship(self, number: int) -> None:
        """Mark a placed order as shipped."""
        self._move(number, Status.SHIPPED)

    def cancel(self, number: int) -> None:
        """Mark a placed order as cancelled."""
        self._move(number, Status.CANCELLED)

    def _move(self, number: int, status: Status) -> None:
        order = self.get(number)
        if order.status is not Status.PLACED:
            raise WrongStatus(f"order {number} is {order.status}")
        self._connection.execute("UPDATE orders SET status = ? WHERE id = ?", (status, number))
