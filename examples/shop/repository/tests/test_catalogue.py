import pytest

from shop.catalogue import Catalogue, Product, UnknownProduct
from shop.storage import count_rows


def test_finds_by_name_and_category(database, screws, hammer):
    catalogue = Catalogue(database)
    assert catalogue.search("hammer") == [hammer]
    assert catalogue.search("screws") == [screws]
    assert catalogue.search("") == [hammer, screws]


def test_adding_again_changes_the_product(database):
    catalogue = Catalogue(database)
    catalogue.add(Product("HAM-1", "Claw hammer", 1999, "tools"))
    assert catalogue.get("HAM-1").price_cents == 1999
    assert count_rows(database, "products") == 2


def test_unknown_product(database):
    with pytest.raises(UnknownProduct):
        Catalogue(database).get("NAIL-9")


def test_refuses_a_negative_price(database):
    with pytest.raises(ValueError, match="negative"):
        Catalogue(database).add(Product("X", "Nothing", -1))


def test_fingerprint_changes_with_a_price(database):
    catalogue = Catalogue(database)
    before = catalogue.fingerprint()
    assert catalogue.fingerprint() == before
    catalogue.add(Product("HAM-1", "Claw hammer", 1999, "tools"))
    assert catalogue.fingerprint() != before


def test_counts_only_its_own_tables(database):
    with pytest.raises(ValueError, match="no such table"):
        count_rows(database, "sqlite_master")
