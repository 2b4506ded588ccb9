"""Importing anything of ours has no effect, and help costs no heavy import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("prefect", "networkx", "git", "anthropic")

SHOW_HELP = """
import contextlib, io, sys
from flows import cli
with contextlib.redirect_stdout(io.StringIO()) as out:
    assert cli.run_command(["--help"]) == 0
assert "demo" in out.getvalue() and "resume" in out.getvalue()
print(sorted(name for name in sys.argv[1:] if name in sys.modules))
"""
IMPORT_ALL = """
import importlib, os, pkgutil, signal, sys, threading
def here():
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    return set(threading.enumerate()), dict(os.environ), *handlers
first, *packages = sys.argv[1:]
importlib.import_module(first)
before, names = here(), []
for top in packages:
    package = importlib.import_module(top)
    names += [top, *(found.name for found in pkgutil.walk_packages(package.__path__, top + "."))]
for name in names:
    importlib.import_module(name)
threads, environment, *signals = here()
assert threads == before[0], threads - before[0]
assert environment == before[1], set(environment.items()) ^ set(before[1].items())
assert signals == list(before[2:])
assert len(names) > 60 or "nightwork" not in packages, names
assert "prefect" in sys.modules or "flows" not in packages
assert "prefect" not in sys.modules or first == "prefect"
"""


def _python(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "home").mkdir()
    (tmp_path / "cwd").mkdir()
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path / "cwd",
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _left_behind(tmp_path: Path) -> list[str]:
    return [str(path.relative_to(tmp_path)) for part in ("home", "cwd") for path in (tmp_path / part).rglob("*")]


def test_help_loads_nothing_heavy(tmp_path: Path):
    done = _python(tmp_path, "-c", SHOW_HELP, *HEAVY)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert _left_behind(tmp_path) == []


def test_importing_the_command_line_loads_nothing_heavy(tmp_path: Path):
    code = "import sys, flows.cli; print(sorted(name for name in sys.argv[1:] if name in sys.modules))"
    done = _python(tmp_path, "-c", code, *HEAVY)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert _left_behind(tmp_path) == []


def test_importing_every_module_of_the_library_has_no_effect(tmp_path: Path):
    done = _python(tmp_path, "-c", IMPORT_ALL, "sys", "nightwork")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _left_behind(tmp_path) == []


def test_importing_every_module_has_no_effect_beyond_that_of_prefect(tmp_path: Path):
    # Prefect starts threads and makes an empty ~/.prefect of its own; it is imported first.
    done = _python(tmp_path, "-c", IMPORT_ALL, "prefect", "nightwork", "blocks", "flows")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _left_behind(tmp_path) == ["home/.prefect"]
