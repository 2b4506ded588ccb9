"""Discount codes."""

from dataclasses import dataclass
from datetime import date

from shop.money import percent_of


class InvalidCode(ValueError):
    """The code does not exist, is over, or the order is too small for it."""


@dataclass(frozen=True)
class Discount:
    """A code takes a percentage, or a fixed amount, off the subtotal."""

    code: str
    percent: int = 0
    amount_cents: int = 0
    minimum_cents: int = 0
    last_day: date | None = None

    def off(self, subtotal_cents: int) -> int:
        """Return the cents taken off, never more than the subtotal."""
        return min(percent_of(subtotal_cents, self.percent) + self.amount_cents, subtotal_cents)


DISCOUNTS = {
    discount.code: discount
    for discount in (
        Discount("WELCOME", amount_cents=500, minimum_cents=2000),
        Discount("SPRING", percent=10),
        Discount("TRADE", percent=15, minimum_cents=20000),
    )
}


def find_discount(
    code: str, subtotal_cents: int, today: date, discounts: dict[str, Discount] = DISCOUNTS
) -> Discount:
    """Return the discount of a code that holds for this order; raises InvalidCode."""
    discount = discounts.get(code.strip().upper())
    if discount is None:
        raise InvalidCode(f"unknown code {code!r}")
    if discount.last_day is not None and today > discount.last_day:
        raise InvalidCode(f"{discount.code} ended on {discount.last_day}")
    if subtotal_cents < discount.minimum_cents:
        raise InvalidCode(f"the order is too small for {discount.code}")
    return discount
