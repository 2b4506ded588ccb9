"""fix-review by its rules: what stays on disk, when a document is done, and when further rounds are not paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track.result import Row
from nightwork.track_settings import TrackOptions
from tests.tracks import fix, make_track, review

OLD, NEW, NEWER = "# Old\n\nAs it was.\n", "# New\n\nBetter.\n", "# Newer\n\nBest.\n"
BROKEN = "# Old\n\nBROKEN\n"
LESSON = "001-one"


def improved(folder: Path, text: str, script: dict[str, list[Any]], **definition: Any) -> tuple[Row, str]:
    """Run fix-review over a track of one document; returns its row and what lies on disk then."""
    make_track(folder, {"one": text}, {LESSON: script}, **definition)
    result = run_range(check(Operation.FIX_REVIEW, str(folder), 1, 1, TrackOptions()))
    (row,) = result.rows
    return row, (folder / "lessons" / "01-one.md").read_text(encoding="utf-8")


RULES: dict[str, tuple[str, dict[str, list[Any]], str, str]] = {
    "passes at once": (OLD, {"review 0": review(9)}, "completed", OLD),
    "mended in one round": (OLD, {"review 0": review(6), "fix 1": fix(NEW), "review 1": review(9)}, "completed", NEW),
    "a good score with a failing audit is not done": (
        BROKEN,
        {"review 0": review(9), "fix 1": fix(NEW), "review 1": review(9)},
        "completed",
        NEW,
    ),
    "a good score with a broken floor is not done": (
        OLD,
        {
            "review 0": review(4, 10),
            "fix 1": fix(NEW),
            "review 1": review(8.5, 8.5),
        },
        "completed",
        NEW,
    ),
    "a worse version is taken back": (
        OLD,
        {
            "review 0": review(6),
            "fix 1": fix(NEW),
            "review 1": review(5),
            "fix 2": fix(NEWER),
            "review 2": review(9),
        },
        "completed",
        NEWER,
    ),
    "an equal version does not stay": (
        OLD,
        {"review 0": review(6), "fix 1": fix(NEW), "review 1": review(6), "fix 2": fix(NEWER), "review 2": review(6)},
        "failed(stuck)",
        OLD,
    ),
    "a version that breaks the audit is not even reviewed": (
        OLD,
        {"review 0": review(6), "fix 1": fix(BROKEN), "fix 2": fix(BROKEN)},
        "failed(stuck)",
        OLD,
    ),
    "two rounds without change are stuck": (
        OLD,
        {"review 0": review(6), "fix 1": fix(OLD), "fix 2": fix(OLD)},
        "failed(stuck)",
        OLD,
    ),
    "three rounds and no more; the best version stays": (
        OLD,
        {
            "review 0": review(4),
            "fix 1": fix(NEW),
            "review 1": review(5),
            "fix 2": fix(NEWER),
            "review 2": review(7),
            "fix 3": fix(OLD),
            "review 3": review(6),
        },
        "failed(below_mark)",
        NEWER,
    ),
    "what only a person can decide": (
        OLD,
        {"review 0": review(6, needs_person="Which law holds?")},
        "escalated(uncertainty)",
        OLD,
    ),
    "what the writer leaves to a person": (
        OLD,
        {"review 0": review(6), "fix 1": fix(NEW, needs_person="Which law holds?")},
        "escalated(uncertainty)",
        OLD,
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule(rule: str, tmp_path: Path) -> None:
    before, script, outcome, after = RULES[rule]
    row, on_disk = improved(tmp_path, before, script)
    assert (row.label(), on_disk) == (outcome, after), row.message
