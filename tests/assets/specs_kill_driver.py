"""Kills runs over a small project in child processes at instants spread over a run, goes on, and compares the bytes.

An instant is a file operation, told by Python's audit events, as in `kill_driver.py`. A run that is killed is followed
by one that is killed a little later in its own course, and then by one that is not.
Usage: specs_kill_driver.py FOLDER SHARD SHARDS INSTANTS LINKS; prints JSON lines. LINKS is how many modules of one
chain there are beside the small project; a hundred are written by two processes at once.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from spec_projects import SHOP, chain, spec_bytes, write

from nightwork.module_spec.batch import CHECKPOINT, run_batch

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "subprocess.Popen"}


def in_child(root: Path, strike_at: int, force: bool, counter: Path | None = None) -> int:
    """Run a batch in a forked child that is killed at an instant (0: never); returns its exit status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    seen = 0

    def audit(event: str, _: object) -> None:
        nonlocal seen
        if event in EVENTS:
            seen += 1
            if seen == strike_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    code = 1
    try:
        code = len(run_batch(root, force=force).failed)
        if counter:
            counter.write_text(str(seen))
    except Exception:  # noqa: BLE001  told, and the exit status says so
        traceback.print_exc()
    finally:
        os._exit(code)


def make(root: Path, force: bool, links: int) -> Path:
    """Write a project; for a forced run one with specs, some of which are edited, of an older source or gone."""
    write(root, {**SHOP, **{f"links/{name}": text for name, text in chain(links).items()}})
    if force:
        write(root, {"shop/prices.py": "def price_of(name: str) -> int:\n    return 1\n"})
        assert in_child(root, 0, False) == 0
        write(root, SHOP)
        spec = root / "specs/shop/notes.py.spec.md"
        spec.write_text(spec.read_text().replace("## 1. Intent", "## 1. Mine"))
        (root / "specs/shop/app.py.spec.md").unlink()
    return root


def faults(root: Path, expected: dict[str, bytes]) -> list[str]:
    """Return what is wrong with a project whose run has ended."""
    found = spec_bytes(root)
    told = [f"{name} differs" for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)]
    return told + (["the checkpoint is left"] if (root / CHECKPOINT).exists() else [])


def main() -> None:
    folder, shard, shards, instants, links = Path(sys.argv[1]), *map(int, sys.argv[2:])
    os.environ["SOURCE_DATE_EPOCH"] = "1000000000"
    templates, expected, lengths = {}, {}, {}
    for force in (False, True):
        templates[force] = make(folder / f"template-{shard}-{force}" / "project", force, links)
        undisturbed = folder / f"undisturbed-{shard}-{force}" / "project"
        shutil.copytree(templates[force], undisturbed)
        assert in_child(undisturbed, 0, force, undisturbed.parent / "count") == 0
        expected[force], lengths[force] = spec_bytes(undisturbed), int((undisturbed.parent / "count").read_text())
    for number in range(shard, instants, shards):
        force = number % 4 == 3
        at = 1 + number * (lengths[force] - 1) // (instants - 1)
        root = folder / f"{number}" / "project"
        shutil.copytree(templates[force], root)
        statuses = [in_child(root, at, force), in_child(root, max(1, at // 2), force), in_child(root, 0, force)]
        row = {"instant": at, "of": lengths[force], "force": force, "statuses": statuses}
        print(json.dumps({**row, "faults": faults(root, expected[force])}), flush=True)


if __name__ == "__main__":
    main()
