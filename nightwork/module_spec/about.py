"""What a project says of itself: its name and what it is for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nightwork.markdown import storable
from nightwork.module_spec.source.files import plain_bytes
from nightwork.module_spec.source.project import Project

_READMES = ("README.md", "README.rst", "README.txt", "README")
_MOST_READ, _LONGEST = 200_000, 2_000
_PACKAGE = re.compile(r"(?:src/)?[^/]+/__init__\.py")
_MANIFESTS: dict[str, Callable[[str], Any]] = {
    "pyproject.toml": lambda text: tomllib.loads(text).get("project", {}),
    "package.json": json.loads,
}


def about(root: Path) -> str:
    """Return what a project says of itself: the first paragraph of its README, else its description."""
    for name in _READMES:
        text = (plain_bytes(root / name, _MOST_READ) or b"").decode("utf-8", "replace")
        paragraphs = (each.strip() for each in text.replace("\r\n", "\n").split("\n\n"))
        found = next((each for each in paragraphs if each[:1].isalpha() and "\n===" not in each), "")
        if found:
            return found
    return _declared(root, "description")


def about_package(project: Project) -> str:
    """Return what the only package at a project's top says of itself; "" when there are several, or none."""
    files = (path for unit in project.units.values() for path in unit.files)
    speaking = [path for path in files if _PACKAGE.fullmatch(path)]
    return project.skeletons[speaking[0]].docstring if len(speaking) == 1 else ""


def project_name(root: Path) -> str:
    """Return what a project calls itself, which is the same in every copy; else the name of its folder."""
    return _declared(root, "name") or storable(root.resolve().name)


def _declared(root: Path, key: str) -> str:
    """Return one thing that the project's `pyproject.toml`, or its `package.json`, says of it."""
    for name, read in _MANIFESTS.items():
        try:
            found = read((plain_bytes(root / name, _MOST_READ) or b"").decode("utf-8")).get(key)
        except (ValueError, AttributeError, RecursionError):
            continue
        if found and isinstance(found, str):
            return storable(found[:_LONGEST])
    return ""
