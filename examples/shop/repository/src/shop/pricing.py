"""What a cart costs."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from shop.cart import Cart
from shop.discounts import Discount

VAT_PERCENT = 19
SHIPPING_CENTS = 490
FREE_SHIPPING_FROM_CENTS = 5000


@dataclass(frozen=True)
class Price:
    """The parts of a price; VAT is contained in the total."""

    subtotal_cents: int
    discount_cents: int
    shipping_cents: int

    @property
    def total_cents(self) -> int:
        """What the customer pays."""
        return self.subtotal_cents - self.discount_cents + self.shipping_cents

    @property
    def vat_cents(self) -> int:
        """The VAT contained in the total."""
        net = Decimal(self.total_cents) * 100 / (100 + VAT_PERCENT)
        return self.total_cents - int(net.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def shipping_for(goods_cents: int) -> int:
    """Return the shipping of an order whose goods cost this much after the discount."""
    return 0 if goods_cents >= FREE_SHIPPING_FROM_CENTS else SHIPPING_CENTS


def price_cart(cart: Cart, discount: Discount | None = None) -> Price:
    """Return what a cart costs; raises ValueError for an empty one."""
    if not cart.lines:
        raise ValueError("the cart is empty")
    subtotal = cart.subtotal_cents
    off = discount.off(subtotal) if discount else 0
    return Price(subtotal, off, shipping_for(subtotal - off))
