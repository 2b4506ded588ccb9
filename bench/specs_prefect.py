"""What Prefect adds to module specs: the flow `module_specs` over django beside the library, on a running server.

Both write every spec from the syntax tree alone, in one process that has imported all. What Prefect takes to start is
told apart: its import, and the flow over a project of one module.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import packages, server
from bench.figures import Figure, main
from nightwork.module_spec.batch import run_batch
from nightwork.spec_settings import SpecsOptions

TIMES = 3
BAR_MS = 10.0
# What a task returned is kept; with this each run has keys of its own, so that none finds what another left.
_ANEW = SpecsOptions(force=True)
TITLE = "Module specs through Prefect: django, one spec a file, from the syntax tree alone, a server running"

Write = Callable[[Path], object]


def seconds(root: Path, write: Write) -> float:
    """Return the seconds of writing all specs where there is none."""
    shutil.rmtree(root / "specs", ignore_errors=True)
    began = time.perf_counter()
    write(root)
    return time.perf_counter() - began


def through_flow() -> tuple[float, Write]:
    """Import the flow; returns the seconds that took, and what runs it."""
    began = time.perf_counter()
    from flows.module_specs import module_specs

    return time.perf_counter() - began, lambda root: module_specs(str(root), _ANEW)


def on_library(root: Path) -> object:
    """Write all specs without Prefect."""
    return run_batch(root, options=_ANEW)


def measure() -> list[Figure]:
    """Return the best of both in turn, their difference for each module, and Prefect's start."""
    logging.getLogger("nightwork").setLevel(logging.WARNING)
    with server.running() as environment, packages.project("django") as root:
        os.environ.update(environment)
        imported, flow = through_flow()
        with tempfile.TemporaryDirectory(prefix="nightwork-bench-") as small:
            (Path(small) / "one.py").write_text("ONE = 1\n")
            first = seconds(Path(small), flow)
            started = seconds(Path(small), flow)
        pairs = [(seconds(root, on_library), seconds(root, flow)) for _ in range(TIMES)]
        modules = sum(1 for _ in (root / "django").rglob("*.py"))
    library, through = (min(side) for side in zip(*pairs, strict=True))
    return [
        Figure("Prefect adds, per module", 1000 * (through - library) / modules, "ms", BAR_MS, f"{modules} modules"),
        Figure("flow", through, "s", note=f"best of {TIMES}"),
        Figure("library", library, "s"),
        Figure("Prefect's import", imported, "s"),
        Figure("flow over one module, the first in a process", first, "s"),
        Figure("flow over one module, again", started, "s"),
    ]


if __name__ == "__main__":
    main(TITLE, measure)
