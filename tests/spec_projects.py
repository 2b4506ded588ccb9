"""Small projects on disk for the tests of module specs, and what a run has left of them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# `app` needs `cart` and `prices`, `cart` needs `prices`; `notes` stands alone.
SHOP = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/app.py": (
        '"""Takes orders."""\n\nfrom shop.cart import Cart\nfrom shop.prices import price_of\n\n\n'
        "def order(names: list[str]) -> int:\n    cart = Cart(names)\n    return cart.total() + price_of('post')\n"
    ),
    "shop/cart.py": (
        '"""Holds what is to be bought."""\n\nfrom shop.prices import price_of\n\n\n'
        "class Cart:\n    def __init__(self, names: list[str]) -> None:\n        self.names = names\n\n"
        "    def total(self) -> int:\n        return sum(price_of(name) for name in self.names)\n"
    ),
    "shop/notes.py": '"""Keeps notes."""\n\n\ndef note(text: str) -> str:\n    return text.strip()\n',
    "shop/prices.py": (
        '"""Knows prices."""\n\n\ndef price_of(name: str) -> int:\n'
        "    if not name:\n        raise ValueError(name)\n    return len(name)\n"
    ),
    "tests/test_prices.py": "from shop.prices import price_of\n\n\ndef test_it():\n    assert price_of('a') == 1\n",
}
MODULES = tuple(path for path in SHOP if path.startswith("shop/"))


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path) -> Path:
    """Make a repository of a folder, with everything in it committed."""
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")
    return root


def chain(length: int) -> dict[str, str]:
    """Return modules of which each imports the next."""
    last = length - 1
    return {f"link{n:04}.py": f"import link{n + 1:04}\n" if n < last else "END = 1\n" for n in range(length)}


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    """Return the modification time and the digest of every file below a folder, `specs/.state` left out."""
    return {
        path.relative_to(folder).as_posix(): (path.lstat().st_mtime_ns, _digest(path))
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and ".state" not in path.relative_to(folder).parts
    }


def spec_bytes(root: Path) -> dict[str, bytes]:
    """Return the specs and the index by path; summaries tell times and are left out."""
    folder = root / "specs"
    return {
        os.fsdecode(os.fsencode(path.relative_to(folder))): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".state" not in path.parts and not path.name.startswith("batch-summary-")
    }


def _digest(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "special"
