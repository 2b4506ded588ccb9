from __future__ import annotations

import copy
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightwork.track.definition import Audit
from nightwork.track.reading import read_track

WHOLE = """\
name: python-course
title: Python in small steps
documents:
  pattern: "lessons/{number:02}-{name}.md"
sidecars:
  - {name: quiz, path: "quizzes/{number:02}-{name}.yaml", editable: true}
  - {name: notes, path: "notes/{number:02}.md"}
audit:
  command: [python3, audit.py, "{document}", "--quiz={quiz}", "--of={track}/{number}-{name}"]
  timeout: 10s
  memory_mb: 200
rubric:
  pass_mark: 8
  dimensions:
    - {name: accuracy, weight: 2, floor: 7, meaning: Every statement is true.}
    - {name: clarity, meaning: A beginner follows it.}
prompts: {review: prompts/review.md}
research: {path: "research/{number:02}.md", sections: [Facts], min_words: 50, min_sources: 2}
phases:
  - {name: outline, prompt: prompts/outline.md, writes: notes, when: missing}
  - {name: draft, prompt: prompts/draft.md}
max_rounds: 2
"""
PROMPTS = ("lessons/01-intro.md", "audit.py")


@pytest.fixture
def whole(course):
    def make(*changes):
        text = WHOLE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        folder = course(text, PROMPTS)
        (folder / "prompts").mkdir()
        (folder / "prompts" / "review.md").write_text("$document $rubric")
        for name in ("outline", "draft"):
            (folder / "prompts" / f"{name}.md").write_text("Write $name.")
        return folder

    return make


def line_of(text):
    return next(number for number, line in enumerate(WHOLE.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("name: python-course", "name: python course", "name: "),
        ("name: python-course", "name: ../x", "name: "),
        ("title: Python in small steps", "titel: x", "titel: unknown key"),
        ("lessons/{number:02}-{name}.md", "lessons/{name}.md", "{number} must stand in it"),
        ("lessons/{number:02}-{name}.md", "../lessons/{number}.md", "leads out of the folder"),
        ("lessons/{number:02}-{name}.md", "/lessons/{number}.md", "leads out of the folder"),
        ("lessons/{number:02}-{name}.md", "~/{number}.md", "leads out of the folder"),
        ("lessons/{number:02}-{name}.md", ".git/{number}.md", "'.git' holds no documents"),
        ("lessons/{number:02}-{name}.md", "a/.GIT/{number}.md", "'.GIT' holds no documents"),
        ("lessons/{number:02}-{name}.md", ".nightwork/{number}.md", "'.nightwork' holds no documents"),
        ("lessons/{number:02}-{name}.md", "x/.Checkpoints/{number}.md", "'.Checkpoints' holds no documents"),
        ("lessons/{number:02}-{name}.md", "lessons/*-{number}.md", "*, ? and [] stand for nothing"),
        ("lessons/{number:02}-{name}.md", "lessons/{number:x}.md", "only {number}, {number:02} and {name}"),
        ("lessons/{number:02}-{name}.md", "lessons/{number:99}.md", "only {number}, {number:02} and {name}"),
        ("lessons/{number:02}-{name}.md", "lessons/{number.real}.md", "only {number}, {number:02} and {name}"),
        ("lessons/{number:02}-{name}.md", "lessons/{number}{name}.md", "two placeholders need a sign between"),
        ("lessons/{number:02}-{name}.md", "lessons//{number}.md", "empty part"),
        ("lessons/{number:02}-{name}.md", "lessons\\\\{number}.md", "expected a plain path"),
        ("lessons/{number:02}-{name}.md", "lessons/{number}\\e.md", "expected a plain path"),
        ("{name: quiz,", "{name: document,", "'document' has a meaning of its own"),
        ("{name: quiz,", "{name: Quiz,", "sidecars.0.name: string should match"),
        ("{name: notes,", "{name: quiz,", "'quiz' stands twice"),
        ("quizzes/{number:02}-{name}.yaml", "quizzes/all.yaml", "all modules share one file"),
        ("research/{number:02}.md", "notes/{number:02}.md", "is the same file as sidecars.1.path"),
        ("notes/{number:02}.md", "Lessons/{number:02}-{name}.md", "is the same file as documents.pattern"),
        ("--quiz={quiz}", "--quiz={quizz}", "{quizz} stands for nothing; known: {document}"),
        ("[python3, audit.py,", '["", audit.py,', "expected a program"),
        ("[python3, audit.py,", '["a\\0b", audit.py,', "none with a NUL"),
        ("[python3, audit.py,", f"[{'x' * 5000}, '{{x}}',", "{x} stands for nothing"),
        ("Python in small steps", '"\\e[31mred"', "without control or hidden characters"),
        ("timeout: 10s", "timeout: 10", "expected a duration"),
        ("memory_mb: 200", "memory_mb: 0", "audit.memory_mb"),
        ("pass_mark: 8", "pass_mark: 11", "rubric.pass_mark"),
        ("pass_mark: 8", "pass_mark: .nan", "rubric.pass_mark"),
        ("weight: 2", "weight: 0", "weight: should be greater than 0"),
        ("weight: 2", "weight: .inf", "weight"),
        ("floor: 7", "floor: -1", "floor"),
        ("name: clarity,", "name: accuracy,", "'accuracy' stands twice"),
        ("name: clarity, meaning: A beginner follows it.", "name: clarity", "meaning: is required"),
        ("meaning: A beginner follows it.", 'meaning: "\\e[31mred"', "without control or hidden characters"),
        ("sections: [Facts]", 'sections: [""]', "expected a plain text"),
        ("review: prompts/review.md", "review: ../review.md", "leads out of the folder"),
        ("writes: notes", "writes: note", "'note' is no file of a module; expected document, research, quiz, notes"),
        ("name: draft,", "name: outline,", "'outline' stands twice"),
        ("when: missing", "when: sometimes", "when"),
        ("max_rounds: 2", "max_rounds: 0", "max_rounds"),
        ("max_rounds: 2", "max_rounds: 11", "max_rounds"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(whole, faults, old, new, word):
    told = faults(whole((old, new)))
    line = line_of(old)
    mended = [problem for where, problem in told if where == f"track.yaml:{line}"]
    assert any(word in problem for problem in mended), told


def test_the_faults_of_all_parts_are_told_at_once(whole, faults):
    folder = whole(
        ("pass_mark: 8", "pass_mark: 80"),
        ("timeout: 10s", "timeout: soon"),
        ("writes: notes", "writes: nothing"),
        ("{quiz}", "{quizz}"),
        ("draft.md", "none.md"),
    )
    (folder / "prompts" / "review.md").write_text("$docment")
    (folder / "prompts" / "outline.md").write_text("$")
    (folder / "lessons" / "1-intro.md").write_text("x")
    told = "\n".join(f"{where}: {problem}" for where, problem in faults(folder))
    for part in (
        "pass_mark",
        "timeout",
        "nothing",
        "none.md: cannot be read",
        "prompts/review.md:1",
        "$docment",
        "outline.md:1",
    ):
        assert part in told
    assert "number 1 stands for lessons/01-intro.md and lessons/1-intro.md" in told


def test_a_research_phase_needs_to_know_where_research_stands(whole, faults):
    folder = whole(("writes: notes", "writes: research"), (WHOLE[WHOLE.index("research: {path") :].split("\n")[0], ""))
    assert any("there is no section `research`" in problem for _, problem in faults(folder))


@pytest.mark.parametrize(
    "text", ["", "[]", "x", "documents: x", "documents: {pattern: [x]}", "phases: {a: b}", "prompts: [a]\nphases: [1]"]
)
def test_what_is_no_definition_at_all_is_told_with_its_file(course, faults, text):
    assert all(where.startswith("track.yaml:") for where, _ in faults(course(text)))


def test_the_words_of_the_audit_are_put_in_once():
    audit = Audit(command=("x", "{document}", "--a={name}{number}", "{}", "{ }", "$x"))
    words = audit.words({"document": "{name}", "name": "$(x)", "number": "3"})
    assert words == ("x", "{name}", "--a=$(x)3", "{}", "{ }", "$x")


ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        float("nan"),
        "",
        "x",
        "../x",
        "{number}",
        "{name}",
        "$x",
        "\x1b[31m",
        [],
        {},
        [[]],
        ["x"],
        {"x": 1},
    ]
)


def places(data, above=()):
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_it_is_a_track_or_told_as_bad_input(tmp_path, data):
    definition = yaml.safe_load(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(definition))))
        inner = definition
        for key in way:
            inner = inner[key]
        inner[last] = copy.deepcopy(data.draw(ODD))
    (tmp_path / "track.yaml").write_text(json.dumps(definition).replace("NaN", ".nan"), encoding="utf-8")
    (tmp_path / "lessons").mkdir(exist_ok=True)
    (tmp_path / "lessons" / "01-intro.md").write_text("x")
    reading = read_track(tmp_path, "track.yaml")
    assert reading.faults or reading.definition is not None
    assert all(fault.where.startswith(("track.yaml:", "prompts/")) for fault in reading.faults)
