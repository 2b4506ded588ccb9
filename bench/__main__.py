"""Runs the benchmarks one after the other, each in a process of its own, and tells them in one table.

`python -m bench [--json] [NAME ...]`; exit code 1 when a bar is missed or a benchmark fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.figures import Figure, missed, show

NAMES = (
    "scheduling",
    "checkpoint",
    "resume",
    "overhead",
    "orchestration",
    "control_room",
    "batches",
    "tracks",
    "conflicts",
    "sandbox",
    "specs",
    "specs_order",
    "specs_prefect",
    "releases",
)


def run(name: str) -> tuple[str, list[Figure]]:
    """Run one benchmark; returns its title and figures, of which there are none when it failed."""
    command = [sys.executable, "-m", f"bench.{name}", "--json"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=False)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return f"{name} failed with exit code {done.returncode}", []
    rows = [{key: value for key, value in row.items() if key != "met"} for row in told["figures"]]
    return told["title"], [Figure(**row) for row in rows]


def main() -> None:
    """Run what is asked for, by default everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Runs the benchmarks.")
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=", ".join(NAMES))
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    found = []
    for name in given.names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found.append(run(name))
    if given.json:
        document = [{"title": title, "figures": [figure.as_dict() for figure in rows]} for title, rows in found]
        print(json.dumps(document, indent=1))
    else:
        show(found)
    sys.exit(1 if any(missed(rows) or not rows for _, rows in found) else 0)


if __name__ == "__main__":
    main()
