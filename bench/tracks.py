"""What a track of 1,000 modules costs beside the work: reading it, its checkpoint, and a run that has nothing to do.

Models are scripted and answer at once, and the audit is `true`, so that what is measured is the hardest case.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.figures import Figure, main
from nightwork.track import batch as library
from nightwork.track.range import Operation, Range, check
from nightwork.track_settings import TrackOptions

MODULES, PARALLEL = 1000, 3
BAR_PERCENT, BAR_S = 2.0, 1.0
TITLE = f"Tracks: fix-review over {MODULES:,} modules that pass at once, {PARALLEL} at a time, audits unconfined"
_REVIEW = {
    "marks": [{"dimension": "right", "mark": 9, "reason": "it is"}],
    "findings": [{"dimension": "right", "severity": "minor", "where": "", "problem": "a comma"}],
}
_DEFINITION = {
    "documents": {"pattern": "lessons/{number:04}-{name}.md"},
    "audit": {"command": ["true"]},
    "rubric": {"pass_mark": 8, "dimensions": [{"name": "right", "meaning": "It is true."}]},
}


def measure() -> list[Figure]:
    """Read a track, work through it, and begin once more where nothing is to be done."""
    with tempfile.TemporaryDirectory(prefix="nightwork-bench-track-") as name:
        folder = _make(Path(name) / "course")
        chosen, read_s = _timed(lambda: _check(folder))
        saves = _note_saves()
        result, run_s = _timed(lambda: library.run_range(chosen))
        if result.counts() != {"completed": MODULES}:
            raise RuntimeError(f"the run came to {result.counts()}")
        again, again_s = _timed(lambda: library.done_before(_check(folder)))
        if again is None:
            raise RuntimeError("the second run would do something")
        size = chosen.checkpoint.stat().st_size
    return [
        Figure("a track is read and checked", read_s, "s", BAR_S),
        Figure("checkpoint, share of the run", 100 * sum(saves) / run_s, "%", BAR_PERCENT, _told(saves, size)),
        Figure("the run, per module", 1000 * run_s / MODULES, "ms", note="audit, review, one copy of the track each"),
        Figure("a second run finds nothing to do", again_s, "s", BAR_S),
    ]


def _told(saves: list[float], size: int) -> str:
    return f"{len(saves)} saves of {1000 * sum(saves) / len(saves):.1f} ms; the file has {size / 1000:.0f} kB"


def _check(folder: Path) -> Range:
    return check(Operation.FIX_REVIEW, str(folder), 1, MODULES, TrackOptions(no_sandbox=True, parallel=PARALLEL))


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _note_saves() -> list[float]:
    """Take the time of every save from now on."""
    from nightwork import saving

    saves, save = list[float](), saving.save_checkpoint

    def timed(*arguments: Any) -> None:
        _, seconds = _timed(lambda: save(*arguments))
        saves.append(seconds)

    saving.save_checkpoint = timed
    return saves


def _make(folder: Path) -> Path:
    (folder / "lessons").mkdir(parents=True)
    names = [f"{number:04}-lesson{number}" for number in range(1, MODULES + 1)]
    for name in names:
        (folder / "lessons" / f"{name}.md").write_text(f"# {name}\n\n" + "A sentence of a lesson. " * 40)
    script = {_id(number): {"review 0": [[{"submit_review": _REVIEW}]]} for number in range(1, MODULES + 1)}
    (folder / "script.yaml").write_text(json.dumps(script))
    (folder / "track.yaml").write_text(json.dumps(_DEFINITION))
    (folder / "nightwork.yaml").write_text(json.dumps({"tracks": {"model": "scripted:script.yaml"}}))
    return folder


def _id(number: int) -> str:
    return f"{number:03}-lesson{number}"


if __name__ == "__main__":
    main(TITLE, measure)
