"""What a customer wants to buy."""

from dataclasses import dataclass, field

from shop.catalogue import Product

MAX_PER_LINE = 999


@dataclass(frozen=True)
class CartLine:
    """A product and how many of it."""

    product: Product
    quantity: int

    @property
    def amount_cents(self) -> int:
        """The price of the whole line."""
        return self.product.price_cents * self.quantity


@dataclass
class Cart:
    """A cart holds each product once."""

    _quantities: dict[Product, int] = field(default_factory=dict)

    def add(self, product: Product, quantity: int = 1) -> None:
        """Put more of a product into the cart."""
        if quantity < 1:
            raise ValueError("quantity must be at least 1")
        total = self._quantities.get(product, 0) + quantity
        if total > MAX_PER_LINE:
            raise ValueError(f"at most {MAX_PER_LINE} of one product")
        self._quantities[product] = total

    def remove(self, product: Product) -> None:
        """Take a product out of the cart, if it is there."""
        self._quantities.pop(product, None)

    @property
    def lines(self) -> list[CartLine]:
        """The lines, in the order in which the products came."""
        return [CartLine(product, quantity) for product, quantity in self._quantities.items()]

    @property
    def subtotal_cents(self) -> int:
        """The price of all lines, before discount and shipping."""
        return sum(line.amount_cents for line in self.lines)
