"""Reports for the owner."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shop.money import format_cents
from shop.orders import Status


@dataclass(frozen=True)
class DaySales:
    """The orders of one day; cancelled ones do not count."""

    day: date
    orders: int
    total_cents: int


def sales_of(connection: sqlite3.Connection, day: date) -> DaySales:
    """Return how much was sold on a day."""
    row = connection.execute(
        "SELECT COUNT(*) AS orders, COALESCE(SUM(total_cents), 0) AS total FROM orders"
        " WHERE placed_on = ? AND status != ?",
        (day.isoformat(), Status.CANCELLED),
    ).fetchone()
    return DaySales(day, row["orders"], row["total"])


def best_sellers(connection: sqlite3.Connection, limit: int = 5) -> list[tuple[str, int]]:
    """Return the names of the products sold most, with the number of pieces."""
    rows = connection.execute(
        "SELECT products.name, SUM(order_lines.quantity) AS pieces FROM order_lines"
        " JOIN products USING (sku) JOIN orders ON orders.id = order_lines.order_id"
        " WHERE orders.status != ? GROUP BY sku ORDER BY pieces DESC, products.name LIMIT ?",
        (Status.CANCELLED, limit),
    )
    return [(row["name"], row["pieces"]) for row in rows]


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as text with aligned columns."""
    cells = [[str(cell) for cell in row] for row in [headers, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)


def day_report(connection: sqlite3.Connection, day: date) -> str:
    """Return the report that is printed every evening."""
    sales = sales_of(connection, day)
    head = f"{day}: {sales.orders} orders, {format_cents(sales.total_cents)}"
    return f"{head}\n\n{table(('Product', 'Pieces'), best_sellers(connection))}"
