"""Published packages to measure on: `python -m bench.packages` unpacks their wheels; a project is a copy of one."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import repositories

PINS = Path(__file__).parent / "packages.txt"
FOLDER = Path(__file__).parents[1] / ".bench-packages"
# The three on which one spec a file is measured.
NAMES = ("django", "sympy", "networkx")
_SETTINGS = {"specs": {"unit": "file", "tests": True}}
# One language, as the peers see it: django ships 87 files of JavaScript.
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.js")


def pins() -> list[tuple[str, str]]:
    """Return (name, version) of each pinned wheel, the releases of a package in their order."""
    lines = (line.strip() for line in PINS.read_text().splitlines())
    return [(name, version) for name, _, version in (line.partition("==") for line in lines if line[:1].isalpha())]


def releases(name: str) -> list[str]:
    """Return the pinned versions of a package, oldest first."""
    return [version for each, version in pins() if each == name]


def install() -> None:
    """Unpack what is pinned and not there yet; nothing of it is run, and nothing that it needs comes with it."""
    for name, version in pins():
        target = FOLDER / f"{name}-{version}"
        if target.exists():
            continue
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
        subprocess.run([*pip, f"--target={unfinished}", f"{name}=={version}"], check=True)
        unfinished.rename(target)


@contextlib.contextmanager
def project(name: str, version: str = "") -> Iterator[Path]:
    """Make a repository that holds a package and nothing else, one spec a file, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="nightwork-bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder) / name
        root.mkdir()
        (root / "nightwork.yaml").write_text(json.dumps(_SETTINGS))
        put(root, name, version)
        repositories.git(root, "init", "--quiet", "--initial-branch=main")
        repositories.commit(root)
        yield root


def put(root: Path, name: str, version: str = "") -> None:
    """Put a release of a package into a project, in the place of the one that is there; by default the last."""
    source = FOLDER / f"{name}-{version or releases(name)[-1]}" / name
    if not source.is_dir():
        raise SystemExit(f"{source.parent.name} is not there; `make bench` unpacks it into {FOLDER.name}")
    shutil.rmtree(root / name, ignore_errors=True)
    shutil.copytree(source, root / name, ignore=_LEFT_OUT)


if __name__ == "__main__":
    install()
