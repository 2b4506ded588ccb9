"""Module specs from the syntax tree alone, one a file: beside `ast.parse` over the same files, griffe and pydoctor.

Each pass is a process of its own and the best of three; the rounds go in turn, so that all see the same machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import packages
from bench.figures import Figure, main
from nightwork.module_spec.document.hashes import hash_of_bytes

TIMES = 3
RATIO_BAR, SHARE_BAR_PERCENT = 2.0, 2.0
# Of a second run with nothing changed, over django.
CURRENT_BAR_S, COMMAND_BAR_S = 0.5, 1.5
PYDOCTOR = Path(".venv-bench/bin/pydoctor")
TITLE = "Module specs: one a file, from the syntax tree alone; library time, best of three"

Told = dict[str, float]


def one(name: str, root: Path) -> Told:
    """Run a pass; returns what it told, with all of the process as `process`."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.passes", name, str(root)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    process = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{name} over {root.name}: {done.stderr[-2000:]}")
    return {**json.loads(done.stdout), "process": process}


def fresh(root: Path) -> Told:
    """Write all specs where there is none."""
    for path in sorted((root / "specs").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return one("specs", root)


def best(told: Sequence[Told]) -> Told:
    """Return the fastest pass."""
    return min(told, key=lambda each: each["seconds"])


def first_runs(name: str, root: Path) -> list[Figure]:
    """Return the figures of writing everything, all passes in turn."""
    rounds = [(one("parse", root), one("griffe", root), fresh(root)) for _ in range(TIMES)]
    parse, griffe, ours = (best(side) for side in zip(*rounds, strict=True))
    share = min(100 * run["checkpoint"] / run["seconds"] for _, _, run in rounds)
    seconds, modules = ours["seconds"], f"{ours['modules']:,.0f} modules"
    return [
        Figure(f"{name}: ratio to the ast.parse loop", seconds / parse["seconds"], "", RATIO_BAR, modules),
        Figure(f"{name}: ratio to griffe", seconds / griffe["seconds"]),
        Figure(f"{name}: scan to last byte written", seconds, "s"),
        Figure(f"{name}: start of the process and imports", ours["process"] - seconds, "s", note="beside that"),
        Figure(f"{name}: peer: ast.parse loop, one core", parse["seconds"], "s"),
        Figure(f"{name}: peer: griffe loads it", griffe["seconds"], "s", note="writes nothing"),
        Figure(f"{name}: checkpoint, share of the run", share, "%", SHARE_BAR_PERCENT),
    ]


def second_runs(name: str, root: Path) -> list[Figure]:
    """Return the figures of running again with nothing changed."""
    bars = (CURRENT_BAR_S, COMMAND_BAR_S) if name == "django" else (None, None)
    before = standing(root)
    current = best([one("current", root) for _ in range(TIMES)])
    command = min(command_s(root) for _ in range(TIMES))
    after = standing(root)
    changed = sum(before.get(path) != after.get(path) for path in before.keys() | after.keys())
    return [
        Figure(f"{name}: again, nothing changed: library", current["seconds"], "s", bars[0]),
        Figure(f"{name}: again, nothing changed: command", command, "s", bars[1], "`nightwork specs` as a process"),
        Figure(f"{name}: again, nothing changed: files changed", changed, "", 0, "by hash and time"),
    ]


def command_s(root: Path) -> float:
    """Return the seconds of `nightwork specs` as a process."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "flows.cli", "specs", "--repo", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`nightwork specs` over {root.name}: {done.stderr[-2000:]}")
    return time.perf_counter() - began


def standing(root: Path) -> dict[Path, tuple[str, int]]:
    """Return the hash and the time of change of each file of a project."""
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path: (hash_of_bytes(path.read_bytes()), path.stat().st_mtime_ns) for path in files}


def beside_pydoctor(name: str, root: Path) -> list[Figure]:
    """Return the figures of pydoctor, both as whole processes; docstrings are plain text to it, its fastest."""
    if not PYDOCTOR.exists():
        raise SystemExit("pydoctor is not installed; `make bench` installs it into .venv-bench")
    with tempfile.TemporaryDirectory(prefix="nightwork-bench-") as pages:
        began = time.perf_counter()
        command = [str(PYDOCTOR), "--quiet", "--docformat=plaintext", f"--html-output={pages}", str(root / name)]
        subprocess.run(command, capture_output=True, check=False)
        peer = time.perf_counter() - began
        if not (Path(pages) / "index.html").exists():
            raise RuntimeError(f"pydoctor wrote no pages of {name}")
    ours = fresh(root)["process"]
    return [
        Figure(f"{name}: ratio to pydoctor, as processes", ours / peer, "", note="one run each"),
        Figure(f"{name}: peer: pydoctor, HTML pages", peer, "s"),
    ]


def measure() -> list[Figure]:
    """Return the figures of each package."""
    figures = []
    for name in packages.NAMES:
        with packages.project(name) as root:
            figures += first_runs(name, root) + second_runs(name, root)
            figures += beside_pydoctor(name, root) if name == "networkx" else []
    return figures


if __name__ == "__main__":
    main(TITLE, measure)
