"""One pass over a project in a process of its own: `python -m bench.passes PASS ROOT` prints what it took as JSON.

The clock starts when everything is imported.
"""

from __future__ import annotations

import ast
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.timed import timed

Told = dict[str, float]


def parse(root: Path) -> Told:
    """Parse each file, one after the other; finding them is left out."""
    paths = sorted((root / root.name).rglob("*.py"))
    began = time.perf_counter()
    for path in paths:
        ast.parse(path.read_bytes())
    return {"seconds": time.perf_counter() - began, "modules": len(paths)}


def griffe(root: Path) -> Told:
    """Let griffe load the package from its sources; nothing is inspected, nothing of other packages is resolved."""
    from griffe import load

    began = time.perf_counter()
    load(root.name, search_paths=[root], allow_inspection=False)
    return {"seconds": time.perf_counter() - began}


def specs(root: Path) -> Told:
    """Write the specs, everything from the look at the settings to the last byte of the summary."""
    from nightwork.module_spec import saving
    from nightwork.module_spec.batch import run_batch

    seconds: defaultdict[str, float] = defaultdict(float)
    with timed(saving, "save_checkpoint", lambda *_: "checkpoint", seconds):
        began = time.perf_counter()
        result = run_batch(root)
        took = time.perf_counter() - began
    written = len(result.successful)
    if written != result.total_modules:
        raise RuntimeError(f"{written} of {result.total_modules} specs of {root.name} were written")
    return {"seconds": took, "checkpoint": seconds["checkpoint"], "modules": written}


def current(root: Path) -> Told:
    """See that there is nothing to do."""
    from nightwork.module_spec.current import modules_when_current
    from nightwork.settings import load

    settings = load(root).specs
    began = time.perf_counter()
    names = modules_when_current(root, settings)
    took = time.perf_counter() - began
    if names is None:
        raise RuntimeError(f"the specs of {root.name} are said to be out of date")
    return {"seconds": took, "modules": len(names)}


PASSES: dict[str, Callable[[Path], Told]] = {each.__name__: each for each in (parse, griffe, specs, current)}

if __name__ == "__main__":
    print(json.dumps(PASSES[sys.argv[1]](Path(sys.argv[2]))))
