"""What a version leaves as it was: line ends, marks and signs that no model is shown, and what a person saves."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from nightwork.errors import Infrastructure
from nightwork.sandbox import open_sandbox
from nightwork.track.batch import run_range
from nightwork.track.desk import Desks
from nightwork.track.forms import unfit
from nightwork.track.range import Operation, check
from nightwork.track.result import Row
from nightwork.track.texts import in_form_of
from nightwork.track.track import open_track
from nightwork.track.versions import Version
from nightwork.track_settings import TrackOptions
from tests.tracks import AUDIT, fix, make_track, review

LESSON = "001-one"


def mended(folder: Path, before: bytes, after: str) -> tuple[Row, bytes]:
    """Let one document be mended once; returns its row, and what lies on disk then."""
    make_track(folder, ["one"], {LESSON: {"review 0": review(5), "fix 1": fix(after), "review 1": review(9)}})
    path = folder / "lessons" / "01-one.md"
    path.write_bytes(before)
    (row,) = run_range(check(Operation.FIX_REVIEW, str(folder), 1, 1, TrackOptions())).rows
    return row, path.read_bytes()


def test_line_ends_the_mark_at_the_beginning_and_hidden_signs_of_lines_that_stay_survive_a_fix(tmp_path: Path) -> None:
    before = "\ufeff# One\r\n\r\nCareful \u26a0\ufe0f: \u0645\u06cc\u200c\u0634\u0648\u062f\r\nwrong\r\n"
    shown = "# One\n\nCareful \u26a0: \u0645\u06cc\u0634\u0648\u062f\nright\nmore\n"
    row, on_disk = mended(tmp_path, before.encode(), shown)
    assert row.label() == "completed"
    assert on_disk.decode() == before.replace("wrong", "right\r\nmore")


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("a\nb\n", "a\nc\n", "a\nc\n"),
        ("a\nb\r\n", "a\nb\nc\n", "a\nb\r\nc\n"),
        ("a\r\nb", "a\nb\nc", "a\r\nb\r\nc"),
        ("\ufeffa\n", "b\n", "\ufeffb\n"),
        ("\ufeffa\n", "\ufeffb\n", "\ufeffb\n"),
        ("", "a\n", "a\n"),
        ("a\r\n", "b\r\n", "b\r\n"),
        ("x\u200by\nx y\n", "xy\nx y\nxy\n", "x\u200by\nx y\nxy\n"),
    ],
)
def test_a_new_text_has_the_form_of_the_one_before(before: str, text: str, after: str) -> None:
    assert in_form_of(before, text) == after


def test_a_fix_that_differs_in_nothing_that_is_shown_is_no_change(tmp_path: Path) -> None:
    before = b"\xef\xbb\xbf# One\r\n"
    make_track(tmp_path, ["one"], {LESSON: {"review 0": review(5), "fix 1": fix("# One\n"), "fix 2": fix("# One\n")}})
    path = tmp_path / "lessons" / "01-one.md"
    path.write_bytes(before)
    (row,) = run_range(check(Operation.FIX_REVIEW, str(tmp_path), 1, 1, TrackOptions())).rows
    assert (row.label(), path.read_bytes()) == ("failed(stuck)", before)


@pytest.mark.parametrize("text", [" \n\u200b\n", "# One\n\x1b]52;c;eA==\x07", "# One\0"])
def test_a_text_that_is_none_for_a_file_is_asked_for_again(tmp_path: Path, text: str) -> None:
    turns = [*fix(text), *fix("# Right\n")]
    make_track(tmp_path, ["one"], {LESSON: {"review 0": review(5), "fix 1": turns, "review 1": review(9)}})
    (row,) = run_range(check(Operation.FIX_REVIEW, str(tmp_path), 1, 1, TrackOptions())).rows
    assert (row.label(), (tmp_path / "lessons" / "01-one.md").read_text()) == ("completed", "# Right\n")


def test_a_text_that_could_not_be_read_back_is_none_for_a_file() -> None:
    assert "bytes" in unfit("\u00e9" * 600_000)
    assert unfit("a\tb\r\n\u00e9") == ""


def test_what_a_person_saves_while_the_last_review_goes_on_is_not_called_completed(tmp_path: Path) -> None:
    make_track(tmp_path, ["one"], {LESSON: {"review 0": review(9)}})
    path = tmp_path / "lessons" / "01-one.md"
    # The audit stands for a person who saves the file at that moment.
    edit = f'if grep -q "As it was" "$1"; then echo "# Mine" > {shlex.quote(str(path))}; fi\n'
    (tmp_path / "audit.sh").write_text(edit + AUDIT)
    chosen = check(Operation.FIX_REVIEW, str(tmp_path), 1, 1, TrackOptions(no_sandbox=True))
    assert [row.label() for row in run_range(chosen).rows] == ["aborted(edited)"]
    assert path.read_text() == "# Mine\n"
    assert [row.label() for row in run_range(chosen).rows] == ["completed"], "reviewed as the person left it"


@pytest.mark.parametrize("place", ["lessons/01-one.md", "lessons"])
def test_an_audit_never_writes_through_a_link_that_took_the_place_of_a_file(tmp_path: Path, place: str) -> None:
    folder = make_track(tmp_path / "track", ["one"], {})
    track, elsewhere = open_track(str(folder)), tmp_path / "elsewhere"
    (folder / place).rename(elsewhere)
    (folder / place).symlink_to(elsewhere)
    real = elsewhere if elsewhere.is_file() else elsewhere / "01-one.md"
    before = real.read_text()
    with pytest.raises(Infrastructure, match="copy of the track"):
        Desks(track, open_sandbox(tmp_path), tmp_path / "desks").audit(
            track.modules[0], Version({"document": "worse\n"})
        )
    assert real.read_text() == before
