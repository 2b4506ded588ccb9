"""Amounts of money, kept in whole cents."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CURRENCY = "EUR"


def parse_cents(text: str) -> int:
    """Read `12.50` or `12` as cents; raises ValueError for anything else."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}")
    cents = amount * 100
    if not amount.is_finite() or cents != cents.to_integral_value():
        raise ValueError(f"not a whole number of cents: {text!r}")
    return int(cents)


def format_cents(cents: int) -> str:
    """Write cents as `12.50 EUR`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d} {CURRENCY}"


def percent_of(cents: int, percent: int) -> int:
    """Return a percentage of an amount, half cents rounded up."""
    share = Decimal(cents) * percent / 100
    return int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP))
