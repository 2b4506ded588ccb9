"""A run over a range: what goes on, what is begun anew, what is refused, and what every report covers."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightwork import stop
from nightwork.errors import BadInput, StateError
from nightwork.outcome import Status
from nightwork.track.batch import done_before, run_range
from nightwork.track.range import Operation, Range, check
from nightwork.track.result import TrackResult
from nightwork.track_settings import TrackOptions
from tests.tracks import AUDIT, fix, make_track, review, written

LESSONS = ("one", "two", "three")
IDS = [f"{number:03}-{name}" for number, name in enumerate(LESSONS, 1)]
GOOD = {"review 0": review(9)}
BAD = {
    "review 0": review(5),
    "fix 1": fix("# Same\n"),
    "review 1": review(5),
    "fix 2": fix("# Same\n"),
    "review 2": review(5),
}
RESEARCH = {"path": "research/{name}.md", "sections": ["Sources"]}


def chosen(folder: Path, end: int = 3, operation: str = "fix-review", **options: Any) -> Range:
    return check(Operation(operation), str(folder), 1, end, TrackOptions(**options))


def run(folder: Path, end: int = 3, operation: str = "fix-review", **options: Any) -> TrackResult:
    return run_range(chosen(folder, end, operation, **options))


def labels(result: TrackResult) -> list[str]:
    return [row.label() for row in result.rows]


def script(folder: Path, **modules: Any) -> None:
    (folder / "script.yaml").write_text(json.dumps({name.replace("_", "-"): said for name, said in modules.items()}))


def test_one_bad_module_stops_no_other_and_is_flagged_in_the_report(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, {IDS[0]: GOOD, IDS[1]: {}, IDS[2]: GOOD})
    result = run(tmp_path)
    assert labels(result) == ["completed", "failed(error)", "completed"]
    report = (tmp_path / result.report).read_text()
    assert "## For a person" in report
    assert "| module | outcome | score | audit |\n" in report, "columns that hold nothing are left out"
    assert report.count("script has no turn") == 1
    assert not result.is_complete()


def test_the_same_range_takes_up_what_failed_and_reports_on_all(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, {IDS[0]: GOOD, IDS[1]: BAD, IDS[2]: GOOD})
    assert labels(run(tmp_path)) == ["completed", "failed(stuck)", "completed"]
    (tmp_path / "script.yaml").write_text(json.dumps({IDS[1]: GOOD}))  # the others would fail if they were asked again
    again = run(tmp_path)
    assert labels(again) == ["completed"] * 3
    assert [row.attempt for row in again.rows] == [1, 2, 1]
    assert done_before(chosen(tmp_path)) is not None


def test_what_a_person_changed_afterwards_is_worked_on_again_and_nothing_else_is(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, dict.fromkeys(IDS, GOOD))
    run(tmp_path)
    (tmp_path / "lessons" / "02-two.md").write_text("# Changed\n")
    assert done_before(chosen(tmp_path)) is None
    (tmp_path / "script.yaml").write_text(json.dumps({IDS[1]: GOOD}))
    assert [row.attempt for row in run(tmp_path).rows] == [1, 2, 1]


def test_deleting_the_checkpoint_starts_over(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, dict.fromkeys(IDS, GOOD))
    checkpoint = tmp_path / run(tmp_path).checkpoint
    assert checkpoint == tmp_path / ".checkpoints" / "fix-review-course.json"
    checkpoint.unlink()
    (tmp_path / "script.yaml").write_text("{}")
    assert labels(run(tmp_path)) == ["failed(error)"] * 3


def test_an_unfinished_run_of_another_range_or_with_other_prompts_is_refused_with_the_way_out(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, dict.fromkeys(IDS, GOOD))
    stop.request("a test")
    try:
        assert labels(run(tmp_path)) == ["aborted(stopped)"] * 3
    finally:
        stop.reset()
    with pytest.raises(
        BadInput, match=r"unfinished run of modules 1 to 3, 3 of 3 left; finish it .* or delete the file"
    ):
        run(tmp_path, end=2)
    track = (tmp_path / "track.yaml").read_text()
    (tmp_path / "track.yaml").write_text(track.replace("What it says is true.", "It is true."))
    with pytest.raises(BadInput, match="begun with another track"):
        run(tmp_path)
    (tmp_path / "track.yaml").write_text(track)
    assert labels(run(tmp_path)) == ["completed"] * 3
    assert labels(run(tmp_path, end=2)) == ["completed"] * 2, "a finished one of another range is no obstacle"


def test_a_corrupt_checkpoint_stops_the_run_and_stays(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, dict.fromkeys(IDS, GOOD))
    path = tmp_path / ".checkpoints" / "fix-review-course.json"
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(StateError, match=r"fix-review-course\.json"):
        run(tmp_path)
    assert path.read_text() == "{"


@pytest.mark.parametrize("name", ["ended.json", "found.json", "trajectory.jsonl"])
def test_what_cannot_be_read_of_one_module_stops_no_other_and_never_counts_as_done(tmp_path: Path, name: str) -> None:
    make_track(tmp_path, LESSONS, {IDS[0]: GOOD, IDS[1]: BAD, IDS[2]: GOOD})
    assert labels(run(tmp_path)) == ["completed", "failed(stuck)", "completed"]
    (path,) = tmp_path.glob(f".nightwork/tracks/*/*/{IDS[1]}/try-1/{name}")
    path.write_text("{\n")
    if name != "ended.json":
        path.with_name("ended.json").unlink()
    (tmp_path / "lessons" / "03-three.md").write_text("# Changed\n")
    (tmp_path / "script.yaml").write_text(json.dumps({IDS[1]: BAD, IDS[2]: GOOD}))
    result = run(tmp_path)
    assert labels(result) == ["completed", "aborted(infrastructure)", "completed"]
    assert name in result.rows[1].message
    assert [row.attempt for row in result.rows][::2] == [1, 2]


def test_a_checkpoint_cannot_lead_out_of_the_folder_of_runs(tmp_path: Path) -> None:
    make_track(tmp_path / "track", LESSONS, dict.fromkeys(IDS, GOOD))
    run(tmp_path / "track")
    path = tmp_path / "track" / ".checkpoints" / "fix-review-course.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "run_id": str(tmp_path / "elsewhere")}))
    (tmp_path / "track" / "lessons" / "01-one.md").write_text("# Changed\n")
    with pytest.raises(StateError, match="run_id"):
        run(tmp_path / "track")
    assert not (tmp_path / "elsewhere").exists()


def test_after_the_deadline_nothing_is_begun_and_the_same_command_goes_on(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, dict.fromkeys(IDS, GOOD))
    result = run(tmp_path, deadline="2026-01-01T00:00+00:00")
    assert labels(result) == ["aborted(deadline)"] * 3
    assert result.is_aborted()
    assert labels(run(tmp_path)) == ["completed"] * 3


def test_a_document_that_somebody_changes_meanwhile_is_taken_up_as_it_is_then(tmp_path: Path) -> None:
    said = {"review 0": review(5), "fix 1": fix("# New\n"), "review 1": review(9)}
    make_track(tmp_path, ["one"], {IDS[0]: said})
    lesson = tmp_path / "lessons" / "01-one.md"
    # The audit of the second version stands for a person who saves the file at that moment.
    edit = f'if grep -q "# New" "$1"; then echo "# Mine" > {shlex.quote(str(lesson))}; fi\n'
    (tmp_path / "audit.sh").write_text(edit + AUDIT)
    result = run(tmp_path, end=1, no_sandbox=True)
    assert labels(result) == ["aborted(edited)"]
    assert lesson.read_text() == "# Mine\n"
    assert labels(run(tmp_path, end=1, no_sandbox=True)) == ["completed"], "begun anew, with what the person wrote"
    assert lesson.read_text() == "# New\n"


def test_research_is_written_where_it_is_missing_and_checked_everywhere(tmp_path: Path) -> None:
    good = "# One\n\n## Sources\n\nA book.\n"
    said = {"research": [*written("# One\n", "submit_research"), *written(good, "submit_research")]}
    make_track(tmp_path, LESSONS, {IDS[0]: said}, research=RESEARCH)
    (tmp_path / "research").mkdir()
    (tmp_path / "research" / "two.md").write_text("# Two\n\n## Sources\n\nAnother.\n")
    (tmp_path / "research" / "three.md").write_text("# Three\n")
    result = run(tmp_path, operation="research")
    assert labels(result) == ["completed", "skipped(exists)", "skipped(exists)"]
    assert [row.module for row in result.flagged()] == [IDS[2]]
    assert "Sources" in result.flagged()[0].message
    assert (tmp_path / "research" / "one.md").read_text() == good
    assert (tmp_path / "research" / "three.md").read_text() == "# Three\n"


def test_orchestrate_goes_phase_by_phase_and_keeps_what_was_there_when_it_was_better(tmp_path: Path) -> None:
    phases = [{"name": "draft", "prompt": "draft.txt"}, {"name": "polish", "prompt": "draft.txt"}]
    better = {
        "review 0": review(6),
        "phase draft": written("# D\n"),
        "phase polish": written("# P\n"),
        "review 1": review(9),
    }
    worse = {**better, "review 1": review(5), "fix 2": fix("# Mended\n"), "review 2": review(8)}
    make_track(tmp_path, LESSONS[:2], {IDS[0]: better, IDS[1]: worse}, phases=phases)
    (tmp_path / "draft.txt").write_text("Write $name. $before")
    result = run(tmp_path, end=2, operation="orchestrate")
    assert labels(result) == ["completed", "completed"]
    assert [row.lost for row in result.rows] == [0, 1]
    texts = [path.read_text() for path in sorted((tmp_path / "lessons").glob("*.md"))]
    assert texts == ["# P\n", "# Mended\n"]


def test_orchestrate_writes_a_document_that_is_not_there_and_keeps_it_even_below_the_mark(tmp_path: Path) -> None:
    said = {"phase draft": written("# D\n"), "review 1": review(6), "fix 2": fix("# D\n"), "fix 3": fix("# D\n")}
    make_track(tmp_path, [], {"001-new": said}, phases=[{"name": "draft", "prompt": "draft.txt"}])
    (tmp_path / "draft.txt").write_text("Write $name.")
    track = yaml.safe_load((tmp_path / "track.yaml").read_text())
    track["documents"]["names"] = ["new"]
    (tmp_path / "track.yaml").write_text(yaml.safe_dump(track))
    result = run(tmp_path, end=1, operation="orchestrate")
    assert labels(result) == ["failed(stuck)"]
    assert (tmp_path / "lessons" / "01-new.md").read_text() == "# D\n"


@pytest.mark.parametrize("operation", ["fix-review", "research", "orchestrate"])
def test_what_an_operation_needs_and_the_track_lacks_is_told_with_the_faults_of_the_range(
    tmp_path: Path, operation: str
) -> None:
    make_track(tmp_path, LESSONS, {}, audit=None, rubric=None)
    with pytest.raises(BadInput) as raised:
        chosen(tmp_path, end=7, operation=operation)
    assert len(raised.value.faults) >= 2
    assert any("is required by" in str(fault) for fault in raised.value.faults)
    assert any("7" in str(fault) for fault in raised.value.faults)


def test_a_run_without_a_model_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    make_track(tmp_path, LESSONS, {}, {"model": ""})
    with pytest.raises(BadInput, match=r"tracks\.model"):
        chosen(tmp_path)
    assert not (tmp_path / ".checkpoints").exists()


def test_every_count_is_shown_and_their_sum_is_the_range(tmp_path: Path) -> None:
    asks = {"review 0": review(6, needs_person="Which?")}
    make_track(tmp_path, LESSONS, {IDS[0]: GOOD, IDS[1]: BAD, IDS[2]: asks})
    result = run(tmp_path)
    assert result.counts() == {str(Status.COMPLETED): 1, str(Status.FAILED): 1, str(Status.ESCALATED): 1}
    assert all(row.module in result.html() for row in result.rows)
    assert "1 escalated" in result.text()
