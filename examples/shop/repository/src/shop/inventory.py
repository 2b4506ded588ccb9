"""How many of each product are on the shelf."""

import sqlite3


class OutOfStock(Exception):
    """There are fewer on the shelf than wanted."""


class Inventory:
    """The stock in the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def quantity(self, sku: str) -> int:
        """Return how many are there; 0 for a product that was never delivered."""
        row = self._connection.execute(
            "SELECT quantity FROM stock WHERE sku = ?", (sku,)
        ).fetchone()
        return row["quantity"] if row else 0

    def deliver(self, sku: str, quantity: int) -> None:
        """Book a delivery, at once."""
        if quantity < 1:
            raise ValueError("a delivery has at least one piece")
        with self._connection:
            self._connection.execute(
                "INSERT INTO stock (sku, quantity) VALUES (?, ?)"
                " ON CONFLICT (sku) DO UPDATE SET quantity = quantity + excluded.quantity",
                (sku, quantity),
            )

    def take(self, sku: str, quantity: int) -> None:
        """Take pieces from the shelf, in the caller's transaction; raises OutOfStock."""
        changed = self._connection.execute(
            "UPDATE stock SET quantity = quantity - ? WHERE sku = ? AND quantity >= ?",
            (quantity, sku, quantity),
        ).rowcount
        if not changed:
            raise OutOfStock(f"{sku}: {quantity} wanted, {self.quantity(sku)} there")

    def low(self, threshold: int = 5) -> list[tuple[str, int]]:
        """Return what has at most `threshold` pieces left, the fewest first."""
        rows = self._connection.execute(
            "SELECT sku, quantity FROM stock WHERE quantity <= ? ORDER BY quantity, sku",
            (threshold,),
        )
        return [(row["sku"], row["quantity"]) for row in rows]
