"""Views and skeletons for the tests of rendering."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nightwork.module_spec.asking.answer import Answer, Described, Statement
from nightwork.module_spec.render.view import View
from nightwork.module_spec.source.project import Edge, Unit
from nightwork.module_spec.source.skeleton import EdgeKind, Import, Marker, Raised, Skeleton, Symbol, SymbolKind

F, M, C, D, K = (
    SymbolKind.FUNCTION,
    SymbolKind.METHOD,
    SymbolKind.CLASS,
    SymbolKind.FIELD,
    SymbolKind.CONSTANT,
)


def symbol(name: str, kind: SymbolKind = F, signature: str = "", summary: str = "", **more: Any) -> Symbol:
    is_public = not name.rpartition(".")[2].startswith("_")
    values = {"body": "b", "line": 1, "lines": 5, "is_public": is_public, "documented": bool(summary), **more}
    return Symbol(name, kind, signature or f"def {name.rpartition('.')[2]}()", summary, **values)


SHOP = Skeleton(
    "shop/cart.py", "python", 900, 80, "s", "t",
    docstring="Carts hold what somebody wants to buy.\n\nA cart is emptied by `checkout`.\n\n- one\n  more\n- two",
    symbols=(
        symbol("MAX_ITEMS", K, "MAX_ITEMS: int = 99"),
        symbol("_seen", K, "_seen = {}"),
        symbol("Item", C, "class Item", decorators=("dataclass(frozen=True)",), summary="One thing in a cart."),
        symbol("Item.name", D, "name: str"),
        symbol("Item.price", D, "price: int | None = None"),
        symbol("Gift", C, "class Gift(Item, metaclass=Meta)"),
        symbol("Gift.inner", D, "inner: tuple[Item, ...] = ()"),
        symbol("Cart", C, "class Cart", summary="What is wanted."),
        symbol("Cart.add", M, "def add(self, item: Item, count: int = 1) -> Item | None", "Put an item in.",
               raises=(Raised("ValueError", "count < 1"), Raised("Full", "")), calls=("Cart._check",), complexity=12),
        symbol("Cart._check", M, "def _check(self)", calls=("checkout",), lines=90),
        symbol("Cart.total", M, "def total(self) -> int", raises=(Raised("NotImplementedError"),)),
        symbol("checkout", F, "def checkout(cart: Cart) -> None", "Pay for ``cart``.", calls=("Cart.total",)),
    ),
    imports=(Import("shop.money", ("Money",), 0, EdgeKind.TOP_LEVEL, 1),),
    markers=(Marker("TODO", "round <b>down</b>", 7),),
)  # fmt: skip

VIEW = View(
    unit=Unit("shop/cart.py", ("shop/cart.py",)),
    skeletons=(SHOP,),
    needs=(
        Edge("shop/money.py", EdgeKind.TOP_LEVEL, 3, ("Money",)),
        Edge("shop/order.py", EdgeKind.LAZY, 1, (), is_broken=True),
    ),
    needed_by=("shop/web.py", "app.py"),
    external=("attrs", "os"),
    tests=("tests/test_cart.py",),
    cycle=("shop/cart.py", "shop/order.py"),
    content_key="key",
    updated="2026-01-02",
    interface="Carts.\nclass Cart",
)


def view_of(skeleton: Skeleton, **more: Any) -> View:
    return replace(VIEW, skeletons=(skeleton,), unit=Unit(skeleton.path, (skeleton.path,)), **more)


ANSWER = Answer(
    purpose="Keeps what a customer wants to buy.",
    intent="It owns the `Cart`.",
    interface=(Described(name="Gift", text="An item that costs nothing."),),
    business_logic=(Statement(text="A cart is emptied by `checkout`."),),
    constraints=(Statement(text="At most 99 items.", inferred_from="the constant `MAX_ITEMS`"),),
)
INFERRED = Statement(text="It may.", inferred_from="a name")

ATTACKS = [
    "# heading", "\n\n# heading\n", "---\ntype: x\n---\n", "-->", "<!-- x", "<script>alert(1)</script>", "<b>", "</details>",
    "```", "````\n# out\n````", "~~~", "` `` ```", "[a](http://x)", "![a](http://x)", "http://x.y www.x.y", "| a | b |", "\\|", "\\",
    "`|<img src=x>`", "\\\\|<img src=x>", "&lt;", "\x1b[31mred", "a\u202eb", "a\u200bb", "`\u200b``\u200b`", "\r\n# x", "\u2028# x", "- item", "1. item",
    "> quote", "    code", "===", "---", "***", "_x_", "$x$", "end", "\"];n9[x]", "#quot;", "%%{init: {}}%%", "\ud800", "\udcff", "*/", "'''", "",
    " ", "\t", "[x]: http://y", "javascript:x", "<a href=javascript:x>", "{{x}}", "::: x", "a" * 3_000,
]  # fmt: skip


def huge() -> View:
    classes = [
        each
        for number in range(300)
        for each in (
            symbol(f"Class{number}", C, f"class Class{number}(Class{number // 2})", "Say it."),
            *(symbol(f"Class{number}.field{field}", D, f"field{field}: int = {field}") for field in range(20)),
            *(symbol(f"Class{number}.run{method}", F, summary="Run.", complexity=30, lines=90) for method in range(10)),
        )
    ]
    constants = [symbol(f"MAX_{number}", K, f"MAX_{number} = {number}") for number in range(2_000)]
    skeleton = replace(
        SHOP, lines=12_000, docstring="Long.\n\n" * 500, symbols=(*classes, *constants), markers=SHOP.markers * 400
    )
    others = tuple(f"shop/m{number}.py" for number in range(500))
    return view_of(
        skeleton,
        needs=tuple(Edge(path, EdgeKind.TOP_LEVEL, 1, ("a",) * 50) for path in others),
        needed_by=others, tests=others, cycle=others, external=others, interface="x\n" * 300,
        answer=ANSWER.model_copy(update=dict.fromkeys(("business_logic", "data_structures", "constraints", "edge_cases", "technical_debt", "test_coverage"), (INFERRED,) * 40) | {"intent": "Word.\n\n" * 400}),
    )  # fmt: skip


def attacked(text: str, path: str = "") -> View:
    """Put a text wherever a text can come from; a model's texts are UTF-8 and bounded, as they were validated."""
    name = text or "x"
    path = path or name
    told = (text.encode("utf-8", "replace").decode() or "x")[:300]
    symbols = [
        symbol(name, kind, text, text, decorators=(text,), raises=(Raised(text, text), Raised("ValueError", text)),
               calls=(name, "a", "b", "c"), complexity=30, lines=99)
        for kind in SymbolKind
    ]  # fmt: skip
    fields = [symbol(f"{name}.{name}", SymbolKind.FIELD, text), symbol("f", SymbolKind.FUNCTION, text, calls=(name,))]
    skeleton = replace(
        SHOP, path=path, language="python", error=text, docstring=f"{text}\n\n{text}", exports=(text,),
        symbols=(*symbols, *fields), markers=(Marker("TODO", text, 1),),
    )  # fmt: skip
    said = Statement(text=told, inferred_from=told)
    answer = Answer(purpose=told, intent=told, interface=(Described(name=told[:200], text=told),)).model_copy(
        update=dict.fromkeys(
            ("business_logic", "data_structures", "constraints", "edge_cases", "technical_debt", "test_coverage"),
            (said,),
        )
    )
    return replace(
        VIEW, unit=Unit(path, (path,)), skeletons=(skeleton, skeleton), needs=(Edge(name, EdgeKind.LAZY, 1, (text,), True),) * 3,
        needed_by=(name,), external=(text,), tests=(text,), cycle=(name, name), answer=answer, model=text, degraded=text,
        interface=text, updated="2026-01-02",
    )  # fmt: skip
