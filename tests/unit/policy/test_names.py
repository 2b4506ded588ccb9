"""Which public names of a Python module a change takes away."""

from __future__ import annotations

import pytest

from nightwork.policy.names import module_name, removed_names

TREE = {
    "shop/__init__.py", "shop/prices.py", "shop/_own.py", "src/app/__init__.py", "src/app/deep/__init__.py",
    "src/app/deep/x.py", "src/app/loose/y.py", "single.py", "tests/__init__.py", "tests/helpers.py", "setup.py",
    "docs/conf.py", "app/migrations/__init__.py",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("shop/prices.py", "shop.prices"),
        ("shop/__init__.py", "shop"),
        ("shop/_own.py", None),
        ("src/app/deep/x.py", "app.deep.x"),
        ("src/app/loose/y.py", None),
        ("single.py", "single"),
        ("tests/helpers.py", None),
        ("setup.py", None),
        ("docs/conf.py", None),
        ("shop/prices.txt", None),
    ],
)
def test_a_module_is_public_where_others_can_import_it(path: str, name: str | None) -> None:
    assert module_name(path, TREE) == name


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ("def a(): ...\ndef b(): ...", "def a(): ...", ["b"]),
        ("def a(): ...", None, ["a"]),
        ("def a(): ...\ndef _b(): ...", "def a(): ...", []),
        ("def a(): ...", "a = print", []),
        ("def a(): ...", "from more import a", []),
        ("import os", "", []),
        ("import os\n__all__ = ['os']", "", ["os"]),
        ("__all__ = ['a']\ndef a(): ...\ndef b(): ...", "def a(): ...", []),
        ("class A:\n    def f(self): ...\n    def _g(self): ...", "class A:\n    x = 1", ["A.f"]),
        ("class A:\n    x: int", "class A:\n    x: str", []),
        ("LIMIT = 1\na, b = 1, 2", "LIMIT = 2\na = 1", ["b"]),
        ("try:\n    def a(): ...\nexcept E:\n    def b(): ...", "def a(): ...", ["b"]),
        ("if X:\n    def a(): ...", "def a(): ...", []),
        ("def a(): ...", "def a(:", ["a"]),
        ("def a(:", "", []),
        ("def a(x): ...", "def a(): ...", []),
    ],
)
def test_a_name_is_gone_when_nothing_of_that_name_is_left(before: str, after: str | None, gone: list[str]) -> None:
    assert removed_names(before.encode(), None if after is None else after.encode()) == gone
