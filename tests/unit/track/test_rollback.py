"""Whatever scores reviewers give: a version that is no better never lies on disk, not even while it is judged."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nightwork.files import read_records
from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track_settings import TrackOptions
from tests.tracks import fix, make_track, review

# The marks of `right`, the marks of `clear`, and whether the audit passes, for each version.
VERSIONS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.booleans()), min_size=6, max_size=6)


def rank(right: int, clear: int, is_sound: bool) -> tuple[bool, int, float]:
    """Return what is greater for a better version, as the guide says it and not as the code does."""
    return is_sound, -(right < 5), (3 * right + clear) / 4


def text_of(number: int, is_sound: bool) -> str:
    return f"# Version {number}\n\n{'fine' if is_sound else 'BROKEN'}\n"


@settings(max_examples=40, deadline=None)
@given(VERSIONS)
def test_a_worse_version_never_stays_on_disk(versions: list[tuple[int, int, bool]]) -> None:
    script = {}
    for number, (right, clear, is_sound) in enumerate(versions):
        script[f"review {number}"] = review(right, clear)
        if number:
            script[f"fix {number}"] = fix(text_of(number, is_sound))
    with tempfile.TemporaryDirectory() as name:
        folder = make_track(Path(name), {"one": text_of(0, versions[0][2])}, {"001-one": script}, max_rounds=5)
        run_range(check(Operation.FIX_REVIEW, str(folder), 1, 1, TrackOptions(no_sandbox=True)))
        on_disk = (folder / "lessons" / "01-one.md").read_text(encoding="utf-8")
        (path,) = folder.glob(".nightwork/tracks/*/*/*/try-1/trajectory.jsonl")
        ended = [record["stage"].split() for record in read_records(path) if record["kind"] == "accepted"]
    landed = [0, *(int(number) for what, number in ended if what == "land")]
    tried = [0, *(int(number) for what, number in ended if what == "fix")]
    ranks = [rank(*versions[number]) for number in landed]
    assert ranks == sorted(set(ranks)), "each version that reached the disk was better than the one before"
    assert on_disk == text_of(landed[-1], versions[landed[-1]][2])
    assert ranks[-1] == max(rank(*versions[number]) for number in tried)
