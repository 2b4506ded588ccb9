"""The command line of the shop."""

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import date

from shop.cart import Cart
from shop.catalogue import Catalogue, Product, UnknownProduct
from shop.checkout import place_order
from shop.inventory import Inventory, OutOfStock
from shop.money import format_cents
from shop.orders import OrderBook, UnknownOrder, WrongStatus
from shop.reports import day_report, table
from shop.storage import connect

EXPECTED = (OutOfStock, UnknownOrder, UnknownProduct, WrongStatus, ValueError, sqlite3.Error)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="shop", description="The back office of the shop.")
    parser.add_argument("--database", default="shop.db", help="the database file")
    commands = parser.add_subparsers(dest="command", required=True)

    add = commands.add_parser("add-product", help="add or change a product")
    add.add_argument("sku")
    add.add_argument("name")
    add.add_argument("price_cents", type=int)
    add.add_argument("--category", default="other")
    add.set_defaults(run=_add_product)

    search = commands.add_parser("search", help="list products")
    search.add_argument("words", nargs="?", default="")
    search.set_defaults(run=_search)

    deliver = commands.add_parser("deliver", help="book a delivery")
    deliver.add_argument("sku")
    deliver.add_argument("quantity", type=int)
    deliver.set_defaults(run=_deliver)

    low = commands.add_parser("low-stock", help="list what is running out")
    low.add_argument("--threshold", type=int, default=5)
    low.set_defaults(run=_low_stock)

    order = commands.add_parser("order", help="place an order")
    order.add_argument("customer")
    order.add_argument("items", nargs="+", metavar="SKU=QUANTITY")
    order.add_argument("--code", help="a discount code")
    order.set_defaults(run=_order)

    ship = commands.add_parser("ship", help="mark an order as shipped")
    ship.add_argument("number", type=int)
    ship.set_defaults(run=_ship)

    cancel = commands.add_parser("cancel", help="cancel an order")
    cancel.add_argument("number", type=int)
    cancel.set_defaults(run=_cancel)

    report = commands.add_parser("report", help="the report of a day")
    report.add_argument("--day", type=date.fromisoformat, default=None)
    report.set_defaults(run=_report)

    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, or 1 after telling what is wrong."""
    options = build_parser().parse_args(arguments)
    with closing(connect(options.database)) as connection:
        try:
            options.run(connection, options)
        except EXPECTED as error:
            print(f"shop: {error}", file=sys.stderr)
            return 1
    return 0


def _add_product(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    product = Product(options.sku, options.name, options.price_cents, options.category)
    Catalogue(connection).add(product)


def _search(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    products = Catalogue(connection).search(options.words)
    rows = [(item.sku, item.name, format_cents(item.price_cents)) for item in products]
    print(table(("SKU", "Name", "Price"), rows))


def _deliver(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    Inventory(connection).deliver(options.sku, options.quantity)


def _low_stock(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    print(table(("SKU", "Left"), Inventory(connection).low(options.threshold)))


def _order(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    catalogue, cart = Catalogue(connection), Cart()
    for item in options.items:
        sku, _, quantity = item.partition("=")
        cart.add(catalogue.get(sku), int(quantity or 1))
    order = place_order(connection, options.customer, cart, date.today(), options.code)
    print(f"order {order.id}: {format_cents(order.total_cents)}")


def _ship(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    with connection:
        OrderBook(connection).ship(options.number)


def _cancel(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    with connection:
        OrderBook(connection).cancel(options.number)


def _report(connection: sqlite3.Connection, options: argparse.Namespace) -> None:
    print(day_report(connection, options.day or date.today()))


if __name__ == "__main__":
    sys.exit(main())
