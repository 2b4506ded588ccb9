import pytest

from shop.cli import main


@pytest.fixture
def shop(tmp_path, capsys):
    """Runs commands on one database; returns exit code and what was printed."""

    def run(*arguments):
        code = main(["--database", str(tmp_path / "shop.db"), *arguments])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    run("add-product", "HAM-1", "Claw hammer", "2450", "--category", "tools")
    run("deliver", "HAM-1", "3")
    return run


def test_searches(shop):
    code, text = shop("search", "claw")
    assert code == 0
    assert text.splitlines()[1] == "HAM-1  Claw hammer  24.50 EUR"


def test_orders_and_reports(shop):
    assert shop("order", "ada", "HAM-1=2") == (0, "order 1: 53.90 EUR\n")
    assert "1 orders, 53.90 EUR" in shop("report")[1]


def test_tells_what_is_wrong(shop):
    code, text = shop("order", "ada", "HAM-1=4")
    assert code == 1
    assert text == "shop: HAM-1: 4 wanted, 3 there\n"


def test_low_stock(shop):
    assert shop("low-stock")[1].splitlines()[1] == "HAM-1  3"


def test_a_refused_cancellation_leaves_the_stock_alone(shop):
    shop("order", "ada", "HAM-1")
    shop("ship", "1")
    assert shop("cancel", "1") == (1, "shop: order 1 is shipped\n")
    assert shop("low-stock")[1].splitlines()[1] == "HAM-1  2"
