"""The example course is a track, its audit is real, and its script plays for modules and stages that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nightwork.example import unpack
from nightwork.llm.scripted import ScriptedModel
from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track.rubric import broken_floors, passes, score
from nightwork.track.track import chosen, open_track
from nightwork.track_settings import TrackOptions

EXAMPLE = Path(__file__).parents[3] / "examples" / "course"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return unpack("course", tmp_path_factory.mktemp("example") / "course")


@pytest.fixture
def track(repository):
    return open_track("numbers", repository)


@pytest.fixture(scope="module")
def script(repository):
    ScriptedModel(repository / "script.yaml")
    return yaml.safe_load((repository / "script.yaml").read_text(encoding="utf-8"))


def audit(track, module, document, quiz):
    values = {"document": str(document), "quiz": str(quiz), "number": str(module.number)}
    _, *arguments = track.definition.audit.words(values)
    return subprocess.run([sys.executable, *arguments], cwd=track.folder, capture_output=True, text=True, check=False)


def test_eight_lessons_are_there_and_a_ninth_is_planned(track):
    assert len(chosen(track, 1, 8, "document")) == 8
    assert [module.number for module in track.modules if not module.document.exists()] == [9]
    assert set(track.templates) == {"review", "fix", "research", "phase:research", "phase:draft", "phase:quiz"}


def test_the_audit_objects_to_one_lesson_and_to_its_questions(track):
    told = {module.number: audit(track, module, module.document, module.sidecars["quiz"]) for module in track.modules}
    assert [number for number, result in told.items() if result.returncode] == [3, 9]
    assert told[3].stdout.splitlines() == [
        "lesson:10: `12500 / 5` is 2500, not 2600",
        "lesson:11: `(12500 - 3000 + 500000) / 5` is 101900, not 100000",
        "quiz:5: `(1 + 2 + 30 + 3) / 4` is 9, not 10",
    ]


def test_the_script_is_for_modules_and_stages_that_there_are(track, script):
    assert list(script) == [module.id for module in track.modules]
    stages = {stage for stages in script.values() for stage in stages}
    assert all(re.fullmatch(r"review [0-3]|fix [1-3]|research|phase (research|draft|quiz)", stage) for stage in stages)


def reviews(script, item):
    """Return the last review of each stage, as marks."""
    stages = sorted(stage for stage in script[item] if stage.startswith("review"))
    turns = [script[item][stage][-1][0]["submit_review"] for stage in stages]
    return [{mark["dimension"]: mark["mark"] for mark in turn["marks"]} for turn in turns]


@pytest.mark.parametrize(
    ("item", "scores", "ends_well"),
    [
        ("001-percent", [9.08], True),
        ("002-percentage-points", [5.83, 9.25], True),
        ("003-averages", [8.0, 9.0], True),
        ("004-rates", [7.33, 4.16, 9.0], True),
        ("005-relative-risk", [6.5], False),
        ("006-base-rates", [6.66], False),
        ("007-samples", [5.5, 6.25, 7.0, 7.25], False),
        ("008-growth", [7.0, 7.5, 9.0], True),
        ("009-charts", [9.0], True),
    ],
)
def test_the_marks_of_the_script_lead_where_they_should(track, script, item, scores, ends_well):
    rubric = track.definition.rubric
    found = [score(rubric, marks) for marks in reviews(script, item)]
    assert [int(each * 100) / 100 for each in found] == scores
    assert passes(rubric, reviews(script, item)[-1]) is ends_well


def test_a_good_score_with_a_broken_floor_is_part_of_the_example(track, script):
    assert broken_floors(track.definition.rubric, reviews(script, "007-samples")[-1]) == ("accuracy",)


def test_what_is_quoted_in_findings_stands_in_the_lesson(track, script):
    for module in track.modules[:8]:
        text = " ".join(module.document.read_text(encoding="utf-8").split())
        for finding in script[module.id]["review 0"][-1][0]["submit_review"]["findings"]:
            assert finding["where"] in text


def test_every_fix_that_passes_its_review_passes_the_audit(track, script, tmp_path):
    for module in track.modules[:8]:
        fixes = sorted(stage for stage in script[module.id] if stage.startswith("fix"))
        for stage in fixes[-1:]:
            written = script[module.id][stage][0][0]["submit_fix"]
            document, quiz = tmp_path / "lesson.md", tmp_path / "quiz.md"
            document.write_text(written["document"], encoding="utf-8")
            texts = {each["name"]: each["text"] for each in written["sidecars"]}
            quiz.write_text(texts.get("quiz") or module.sidecars["quiz"].read_text(encoding="utf-8"), encoding="utf-8")
            assert audit(track, module, document, quiz).returncode == 0, module.id


@pytest.mark.parametrize(
    ("operation", "start", "end"), [("fix-review", 1, 8), ("research", 1, 4), ("orchestrate", 9, 9)]
)
def test_the_example_comes_to_what_it_says(tmp_path, operation, start, end):
    folder = unpack("course", tmp_path / "course")
    expected = yaml.safe_load((EXAMPLE / "expected.yaml").read_text(encoding="utf-8"))[operation]
    result = run_range(check(Operation(operation), "numbers", start, end, TrackOptions(), folder))
    assert {row.module: row.label() for row in result.rows} == expected
    track = open_track("numbers", folder)
    audits = {module.number: audit(track, module, module.document, module.sidecars["quiz"]) for module in track.modules}
    failing = [number for number, result in audits.items() if result.returncode]
    assert failing == {"fix-review": [9], "research": [3, 9], "orchestrate": [3]}[operation]


def test_a_version_that_is_no_better_and_a_lesson_that_needs_a_person_stay_as_they_were(repository, tmp_path):
    folder = unpack("course", tmp_path / "course")
    result = run_range(check(Operation.FIX_REVIEW, "numbers", 4, 6, TrackOptions(), folder))
    assert [(row.rounds, row.kept, row.lost) for row in result.rows] == [(2, 1, 1), (2, 0, 0), (0, 0, 0)]
    for name in ("05-relative-risk", "06-base-rates"):
        path = f"numbers/lessons/{name}.md"
        assert (folder / path).read_bytes() == (repository / path).read_bytes()
    assert "five times as dangerous" not in (folder / "numbers/lessons/04-rates.md").read_text(encoding="utf-8")


def test_what_readme_and_table_of_the_example_say_is_what_is_expected():
    expected = yaml.safe_load((EXAMPLE / "expected.yaml").read_text(encoding="utf-8"))["fix-review"]
    rows = re.findall(r"^\| (\d) [\w ]+ \| (\w+)", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == {item[2]: told.partition("(")[0] for item, told in expected.items()}
