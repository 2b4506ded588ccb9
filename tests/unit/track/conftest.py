from __future__ import annotations

import pytest

from nightwork.errors import BadInput
from nightwork.track.track import open_track

SMALL = """\
documents:
  pattern: "lessons/{number:02}-{name}.md"
"""


@pytest.fixture
def course(tmp_path):
    """Make a track: its `track.yaml`, and files with their own paths as their texts."""

    def make(text=SMALL, files=("lessons/01-intro.md", "lessons/02-loops.md", "lessons/03-end.md")):
        folder = tmp_path / "course"
        folder.mkdir(exist_ok=True)
        (folder / "track.yaml").write_text(text, encoding="utf-8")
        for name in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# {name}\n", encoding="utf-8")
        return folder

    return make


@pytest.fixture
def faults():
    """Return what is wrong with a track, as (place, problem)."""

    def told(folder):
        with pytest.raises(BadInput) as caught:
            open_track(str(folder))
        return [(fault.where, fault.problem) for fault in caught.value.faults]

    return told
