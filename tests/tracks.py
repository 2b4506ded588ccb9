"""Tracks for tests: small documents, an audit that is a real process, and a script in the place of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

# Fails for a document that holds the word BROKEN, and says in which line; a shell starts in a tenth of Python's time.
AUDIT = """\
if grep -n BROKEN "$1"; then exit 1; fi
echo fine
"""
RUBRIC = {
    "pass_mark": 8,
    "dimensions": [
        {"name": "right", "weight": 3, "floor": 5, "meaning": "What it says is true."},
        {"name": "clear", "weight": 1, "meaning": "A beginner understands it."},
    ],
}


def review(right: float, clear: float | None = None, *findings: str, needs_person: str = "") -> list[Any]:
    """Return the turn in which a reviewer submits these marks."""
    marks = {"right": right, "clear": right if clear is None else clear}
    told = {
        "marks": [{"dimension": name, "mark": mark, "reason": "because"} for name, mark in marks.items()],
        "findings": [
            {"dimension": "right", "severity": "major", "where": "here", "problem": each, "suggestion": "mend it"}
            for each in (findings or ("could be better",))
        ],
        "needs_person": needs_person,
    }
    return [[{"submit_review": told}]]


def fix(document: str, needs_person: str = "", **sidecars: str) -> list[Any]:
    """Return the turn in which a writer submits a new version."""
    told = {"document": document, "said": "mended", "needs_person": needs_person}
    return [[{"submit_fix": {**told, "sidecars": [{"name": name, "text": text} for name, text in sidecars.items()]}}]]


def written(text: str, tool: str = "submit_text") -> list[Any]:
    """Return the turn in which a writer submits a file."""
    return [[{tool: {"text": text, "said": "written"}}]]


def make_track(
    folder: Path,
    documents: Mapping[str, str] | Sequence[str],
    script: Mapping[str, Mapping[str, list[Any]]],
    settings: Mapping[str, Any] | None = None,
    **definition: Any,
) -> Path:
    """Write a track of these documents, by their names; returns its folder, which is no git repository."""
    texts = documents if isinstance(documents, Mapping) else dict.fromkeys(documents, "# A lesson\n\nAs it was.\n")
    (folder / "lessons").mkdir(parents=True, exist_ok=True)
    for number, (name, text) in enumerate(texts.items(), 1):
        (folder / "lessons" / f"{number:02}-{name}.md").write_text(text, encoding="utf-8")
    (folder / "audit.sh").write_text(AUDIT, encoding="utf-8")
    told = {
        "name": "course",
        "documents": {"pattern": "lessons/{number:02}-{name}.md"},
        "audit": {"command": ["sh", "audit.sh", "{document}"]},
        "rubric": RUBRIC,
        **definition,
    }
    (folder / "track.yaml").write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    (folder / "script.yaml").write_text(json.dumps(script), encoding="utf-8")
    chosen = {"model": "scripted:script.yaml", "retries": 0, **(settings or {})}
    (folder / "nightwork.yaml").write_text(yaml.safe_dump({"tracks": chosen}), encoding="utf-8")
    return folder
