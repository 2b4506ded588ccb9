"""The products that the shop sells."""

import hashlib
import sqlite3
from dataclasses import dataclass


class UnknownProduct(LookupError):
    """There is no product with this SKU."""


@dataclass(frozen=True)
class Product:
    """One product; the price includes VAT."""

    sku: str
    name: str
    price_cents: int
    category: str = "other"


class Catalogue:
    """The products in the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, product: Product) -> None:
        """Add a product, or change the one with the same SKU."""
        if product.price_cents < 0:
            raise ValueError(f"price of {product.sku} is negative")
        with self._connection:
            self._connection.execute(
                "INSERT INTO products (sku, name, price_cents, category) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (sku) DO UPDATE SET name = excluded.name,"
                " price_cents = excluded.price_cents, category = excluded.category",
                (product.sku, product.name, product.price_cents, product.category),
            )

    def get(self, sku: str) -> Product:
        """Return the product with this SKU; raises UnknownProduct."""
        row = self._connection.execute("SELECT * FROM products WHERE sku = ?", (sku,)).fetchone()
        if row is None:
            raise UnknownProduct(sku)
        return Product(**row)

    def search(self, words: str) -> list[Product]:
        """Return the products whose name or category contains the words, by name."""
        rows = self._connection.execute(
            "SELECT * FROM products WHERE name LIKE ? OR category LIKE ? ORDER BY name",
            (f"%{words}%", f"%{words}%"),
        )
        return [Product(**row) for row in rows]

    def fingerprint(self) -> str:
        """Return a text that changes when any product changes; the web shop caches by it."""
        digest = hashlib.md5()
        for row in self._connection.execute("SELECT * FROM products ORDER BY sku"):
            digest.update(repr(tuple(row)).encode())
        return digest.hexdigest()
