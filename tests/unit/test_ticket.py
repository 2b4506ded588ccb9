from __future__ import annotations

import pytest

from nightwork.errors import BadInput
from nightwork.ticket import Complexity, Priority, State, Ticket, check_id, parse_ticket

CONTRACT = """\
---
id: PROJ-142
title: Implement user authentication
labels: [ready-for-agent]
---

People log in with a password.

## Acceptance criteria

- Login answers 200
- Logout invalidates the token

## Agent Readiness
- [x] Acceptance criteria clear
- [x] No open questions
- [x] Dependencies: None
- [x] Estimated files: src/feature.py, tests/
- [x] Complexity: Small
"""


def ticket(front="", checklist="", rest="\n## Acceptance criteria\n- it works\n"):
    boxes = f"\n## Agent Readiness\n{checklist}\n" if checklist else ""
    return parse_ticket(f"---\nid: A-1\ntitle: t\nlabels: [ready-for-agent]\n{front}---\n{rest}{boxes}", "t/A-1.md")


def test_the_contracts_form_is_a_ready_ticket():
    found = parse_ticket(CONTRACT, "tickets/PROJ-142.md")
    assert found == Ticket(
        id="PROJ-142",
        title="Implement user authentication",
        description="People log in with a password.",
        acceptance_criteria=("Login answers 200", "Logout invalidates the token"),
        estimated_files=("src/feature.py", "tests/"),
        complexity=Complexity.SMALL,
        labels=("ready-for-agent",),
    )
    assert found.faults() == []
    assert found.warnings() == ["no test cases"]


def test_lines_may_end_as_on_windows():
    assert parse_ticket(CONTRACT.replace("\n", "\r\n"), "t.md").faults() == []


@pytest.mark.parametrize(
    ("front", "checklist", "expected"),
    [
        ("complexity: small\n", "- [x] Complexity: Large", {"complexity": Complexity.LARGE}),
        ("complexity: large\n", "- [x] Complexity: Small", {"complexity": Complexity.LARGE}),
        ("", "- [x] Complexity: Medium", {"complexity": Complexity.MEDIUM}),
        ("complexity: small\n", "- [x] Complexity: Small / Medium / Large", {"complexity": Complexity.SMALL}),
        ("dependencies: [B-1]\n", "- [x] Dependencies: None", {"dependencies": ("B-1",)}),
        ("", "- [x] Dependencies: B-1 completed", {"dependencies": ("B-1",)}),
        ("", "- [x] Dependencies: None / B-1 completed", {"dependencies": ("B-1",)}),
        ("dependencies: [B-1]\n", "- [x] Dependencies: B-2, B-1", {"dependencies": ("B-1", "B-2")}),
        ("estimated_files: [a.py]\n", "- [x] Estimated files: `b.py`", {"estimated_files": ("a.py", "b.py")}),
        ("", "- [ ] Acceptance criteria clear", {"unchecked": ("Acceptance criteria clear",)}),
        ("", "- [ ] No open questions", {"unchecked": ("No open questions",)}),
        ("", "- [ ] Dependencies: None", {"unchecked": ("Dependencies: None",)}),
        ("", "- [ ] Complexity: Small", {"unchecked": (), "complexity": Complexity.SMALL}),
        ("open_questions: ['which one?']\n", "- [x] No open questions", {"open_questions": ("which one?",)}),
        ("", "- [X] No open questions", {"unchecked": ()}),
        ("", "* [ ] No open questions", {"unchecked": ("No open questions",)}),
        pytest.param(
            "",
            "- [ ] No open questions\n\n## Agent readiness\n- [x] No open questions",
            {"unchecked": ("No open questions",)},
        ),
    ],
)
def test_where_front_matter_and_checklist_disagree_the_stricter_holds(front, checklist, expected):
    found = ticket(front, checklist)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "- [] No open questions",
        ),
        pytest.param(
            "- [?] No open questions",
        ),
        "- [ ] No open questions",
    ],
)
def test_a_required_box_without_a_tick_keeps_a_ticket_from_being_ready(text):
    assert ticket(checklist=text).faults()


def test_lists_of_front_matter_and_sections_are_joined_and_none_is_nothing():
    found = ticket(
        "acceptance_criteria: [one]\n", rest="\n## Acceptance Criteria\n- two\n\n## Open questions\n- None\n"
    )
    assert found.acceptance_criteria == ("one", "two")
    assert found.open_questions == ()


def test_other_sections_are_the_description_and_follow_the_front_matters():
    rest = "\nBefore.\n\n## Background\n\nMore.\n\n## Acceptance criteria\n- x\n"
    assert "Before." in ticket(rest=rest).description
    assert "More." in ticket(rest=rest).description
    assert ticket("description: mine\n", rest=rest).description == "mine\n\nBefore.\n\nMore."


def test_every_reason_against_a_ticket_is_told():
    found = parse_ticket(
        "---\nid: A\ntitle: t\nstate: done\ndependencies: [A]\n---\n## Open questions\n- why?\n\n"
        "## Agent readiness\n- [ ] Acceptance criteria clear\n",
        "t.md",
    )
    assert len(found.faults()) == 6
    assert found.state is State.DONE


def test_without_a_word_the_priority_is_medium_and_the_commit_a_feature():
    found = ticket()
    assert (found.priority, found.commit_type()) == (Priority.MEDIUM, "feat")


@pytest.mark.parametrize(
    ("labels", "kind"), [(("bug",), "fix"), (("docs",), "docs"), (("docs", "bug"), "fix"), ((), "feat")]
)
def test_the_commit_type_follows_from_the_labels(labels, kind):
    assert Ticket(id="A", title="t", labels=labels).commit_type() == kind


@pytest.mark.parametrize("name", ["A", "PROJ-142", "a_b.c-d", "7", "x" * 64, "v1.2"])
def test_ids_from_which_names_can_be_made_are_taken(name):
    assert check_id(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "a/b",
        "-rf",
        ".x",
        "_x",
        "a b",
        "x.lock",
        "a..b",
        "x.",
        "é",
        "١",
        "a\n",
        "a\nb",
        "a\0b",
        "x" * 65,
        "a@{b",
        "a~1",
        "a^",
        "a:b",
        "a*",
    ],
)
def test_ids_from_which_something_else_could_be_made_are_refused(name):
    with pytest.raises(ValueError, match="expected an id"):
        check_id(name)
    with pytest.raises(ValueError, match="expected an id"):
        Ticket(id=name, title="t")


def test_a_dependency_is_checked_like_an_id():
    with pytest.raises(BadInput, match="expected an id") as caught:
        ticket("dependencies:\n  - B-1\n  - ../x\n")
    assert caught.value.faults[0].where == "t/A-1.md:7"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("no front matter\n", [1]),
        ("", [1]),
        ("---\nid: A\n", [1]),
        ("---\n- a\n---\n", [1]),
        ("---\nid: A\ntitle: [\n---\n", [4]),
        ("---\nid: A\ntitle: t\nid: B\n---\n", [4]),
        ("---\nid: a b\ntitle: ''\npriority: urgent\ncolour: red\nlabels: x\n---\n", [2, 3, 4, 5, 6]),
        ('---\nid: A\ntitle: "two\\nlines"\n---\n', [3]),
        ("---\nid: A\ntitle: t\ndependencies: B\n---\n## Agent readiness\n- [x] Dependencies: C\n", [4]),
        ("---\ntitle: t\n---\n", [2]),
        ("---\nid: 12\ntitle: 2026-01-01\nlabels: [1]\n---\n", [2, 3, 4]),
        ("---\nid: A\ntitle: t\ntest_cases: 3\n---\n## Test cases\n- x\n", [4]),
        ("---\n1: x\n---\n", None),
        ("---\nnull: x\n---\n", None),
    ],
    ids=ascii,
)
def test_a_faulty_file_is_refused_with_all_its_faults_and_lines(text, lines):
    with pytest.raises(BadInput) as caught:
        parse_ticket(text, "t.md")
    places = [fault.where for fault in caught.value.faults]
    if lines is None:
        assert all(place.startswith("t.md:") for place in places)
    else:
        found = sorted({int(place.removeprefix("t.md:")) for place in places})
        # A parser may tell of an unclosed bracket at the line of it or at the end.
        assert found == lines or (text.count("[") == 1 and found == [lines[0] - 1])
