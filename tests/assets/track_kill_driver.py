"""Runs an operation over a small track in child processes that are killed at a chosen instant, and resumes it.

An instant is a file operation below the track, told by Python's audit events, so that it needs no change to the code
under test. Usage: track_kill_driver.py FOLDER OPERATION INSTANTS; prints a JSON line for each instant.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from nightwork.files import read_records
from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track_settings import TrackOptions
from tests.tracks import AUDIT, fix, make_track, review, written

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "subprocess.Popen", "shutil.copytree"}
LESSONS = ("one", "two", "three")
OLD, NEW, WORSE, BEST = "# Old\n", "# New\n", "# Worse\n", "# Best\n"
RESEARCH = "# Sources\n\nhttps://example.org/a\n"
SCRIPTS: dict[str, dict[str, list[Any]]] = {
    "fix-review": {
        "review 0": review(5),
        "fix 1": fix(NEW),
        "review 1": review(6),
        "fix 2": fix(WORSE),
        "review 2": review(4),
        "fix 3": fix(BEST, notes="better notes\n"),
        "review 3": review(9),
    },
    "research": {"research": written(RESEARCH, "submit_research")},
    "orchestrate": {
        "review 0": review(5),
        "phase notes": written("phase notes\n"),
        "phase text": written(NEW),
        "review 1": review(6),
        "fix 2": fix(BEST),
        "review 2": review(9),
    },
}
# Which texts a document may have at any instant: never one that was not judged to be better.
ALLOWED = {"fix-review": {OLD, NEW, BEST}, "research": {OLD}, "orchestrate": {OLD, NEW, BEST}}
LOG = "audited"


def make(folder: Path, operation: str) -> Path:
    """Make a track whose audit leaves a line for each of its runs beside it."""
    items = {f"{number:03}-{name}": SCRIPTS[operation] for number, name in enumerate(LESSONS, 1)}
    make_track(
        folder,
        dict.fromkeys(LESSONS, OLD),
        items,
        {"parallel": 2},
        sidecars=[{"name": "notes", "path": "lessons/{number:02}-{name}.notes", "editable": True}],
        research={"path": "research/{name}.md", "sections": ["Sources"], "min_sources": 1},
        phases=[
            {"name": "notes", "prompt": "notes.txt", "writes": "notes"},
            {"name": "text", "prompt": "text.txt"},
        ],
    )
    for name in ("notes.txt", "text.txt"):
        (folder / name).write_text("Write $name: $before", encoding="utf-8")
    log = folder.parent / LOG
    (folder / "audit.sh").write_text(f'echo "$1" >> {shlex.quote(str(log))}\n{AUDIT}', encoding="utf-8")
    settings = json.dumps(
        {"tracks": {"model": "scripted:script.yaml", "retries": 0, "parallel": 2}, "sandbox": {"confine": False}}
    )
    (folder / "nightwork.yaml").write_text(settings, encoding="utf-8")
    return folder


def run(folder: Path, operation: str) -> None:
    """Run the operation over the whole track."""
    result = run_range(check(Operation(operation), str(folder), 1, len(LESSONS), TrackOptions()))
    (folder.parent / "result.json").write_text(json.dumps(result.counts()))


def in_child(work: Callable[[], None], kill_at: int = 0, below: str = "", count: Path | None = None) -> int:
    """Run in a fork, which is killed at the event of a number; returns its wait status."""
    process_id = os.fork()
    if process_id:
        return os.waitpid(process_id, 0)[1]
    seen = 0

    def strike(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in EVENTS and any(below in str(each) for each in arguments[:2]):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(strike)
    try:
        work()
        if count:
            count.write_text(str(seen))
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  the test reads what went wrong
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)


def documents(folder: Path) -> dict[str, str]:
    """Return every text of the track that an operation may write."""
    found = [*(folder / "lessons").glob("*"), *(folder / "research").glob("*")]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(found)}


def repeated(folder: Path) -> int:
    """Return how many answers were asked for twice."""
    asked: Counter[tuple[str, str, str]] = Counter()
    for path in folder.glob(".nightwork/tracks/*/*/*/try-*/trajectory.jsonl"):
        for record in read_records(path):
            if record["kind"] == "assistant":
                asked[path.parts[-3], record["stage"], json.dumps(record["message"], sort_keys=True)] += 1
    return sum(times - 1 for times in asked.values())


def strike_at(
    root: Path, operation: str, instant: int, kill_at: int, expected: dict[str, str], audits: int
) -> dict[str, Any]:
    """Kill a run at one instant, resume it, and tell what is wrong with what came of it."""
    folder = make(root / str(instant) / "course", operation)
    log = folder.parent / LOG
    killed = os.WIFSIGNALED(in_child(lambda: run(folder, operation), kill_at, str(folder)))
    between = [text for path, text in documents(folder).items() if path.endswith(".md") and path.startswith("lessons")]
    faults = [f"on disk after the kill: {text!r}" for text in between if text not in ALLOWED[operation]]
    if in_child(lambda: run(folder, operation)) != 0:
        faults.append("the resume failed")
    after = documents(folder)
    faults += [f"{path}: {after.get(path)!r}" for path in expected | after if after.get(path) != expected.get(path)]
    left = [str(path) for path in folder.rglob("*.tmp")] + [
        str(path) for path in folder.glob(".nightwork/tracks/*/desks/*")
    ]
    faults += [f"left: {path}" for path in left]
    done = len(log.read_text().splitlines()) if log.exists() else 0
    if done > audits + 2:
        faults.append(f"{done} audits, {audits} needed")
    counts = json.loads((folder.parent / "result.json").read_text())
    told = {"instant": instant, "killed": killed, "faults": faults, "repeated": repeated(folder), "counts": counts}
    shutil.rmtree(folder.parent)
    return told


def main(root: Path, operation: str, instants: int) -> None:
    """Strike at instants spread over a whole run."""
    undisturbed = make(root / "undisturbed" / "course", operation)
    if in_child(lambda: run(undisturbed, operation), 0, str(undisturbed), root / "events") != 0:
        raise SystemExit("the undisturbed run failed")
    events, log = int((root / "events").read_text()), undisturbed.parent / LOG
    audits = len(log.read_text().splitlines()) if log.exists() else 0
    for instant in range(instants):
        kill_at = 1 + instant * (events - 1) // instants
        print(json.dumps(strike_at(root, operation, instant, kill_at, documents(undisturbed), audits)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3]))
