from datetime import date

import pytest

from shop.catalogue import Catalogue, Product
from shop.inventory import Inventory
from shop.storage import connect

SCREWS = Product("SCR-4", "Wood screws 4 mm", 499, "screws")
HAMMER = Product("HAM-1", "Claw hammer", 2450, "tools")
TODAY = date(2024, 3, 15)


@pytest.fixture
def database():
    """A shop with two products: 40 boxes of screws, 3 hammers."""
    connection = connect()
    for product, quantity in ((SCREWS, 40), (HAMMER, 3)):
        Catalogue(connection).add(product)
        Inventory(connection).deliver(product.sku, quantity)
    yield connection
    connection.close()


@pytest.fixture
def screws():
    return SCREWS


@pytest.fixture
def hammer():
    return HAMMER


@pytest.fixture
def today():
    return TODAY
