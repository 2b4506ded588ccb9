from __future__ import annotations

import pytest

from nightwork.errors import BadInput
from nightwork.track.templates import REQUIRED, VARIABLES, default_template, parse_template

REVIEW = "$document $rubric"


def faults(text, kind="review"):
    with pytest.raises(BadInput) as caught:
        parse_template(text, "review.md", kind)
    return [(fault.where, fault.problem) for fault in caught.value.faults]


def test_variables_are_put_in_once():
    template = parse_template("$document, ${rubric}s cost $$5, $name", "t.md", "review")
    told = template.render({"document": "$name $$ ${x} {y}", "rubric": "mark", "name": "n"})
    assert told == "$name $$ ${x} {y}, marks cost $5, n"


@pytest.mark.parametrize("kind", VARIABLES)
def test_every_variable_of_a_kind_is_taken(kind):
    template = parse_template(" ".join(f"${name}" for name in VARIABLES[kind]), "t.md", kind)
    assert template.render({name: name for name in VARIABLES[kind]}) == " ".join(VARIABLES[kind])


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (f"{REVIEW}\n\nof $docment", 3, "$docment"),
        (f"{REVIEW}\n${{docment}}", 2, "$docment"),
        (f"{REVIEW} for 5 $ each", 1, "`$$`"),
        (f"{REVIEW} $", 1, "`$$`"),
        (f"{REVIEW} ${{document", 1, "`$$`"),
        (f"{REVIEW} ${{document.__class__}}", 1, "`$$`"),
        (f"{REVIEW} $Document", 1, "$Document"),
        (f"{REVIEW} $findings", 1, "$findings"),
        (f"{REVIEW} $document_", 1, "$document_"),
    ],
)
def test_a_dollar_that_stands_for_nothing_is_a_fault_that_lists_what_is_known(text, line, word):
    ((where, problem),) = faults(text)
    assert where == f"review.md:{line}"
    assert word in problem
    assert "$number, $name, $track" in problem


def test_all_faults_are_told_at_once():
    assert [where for where, _ in faults("$a\n$\n\n$b")] == ["review.md:1", "review.md:2", "review.md:4"] + [
        "review.md"
    ] * 2


@pytest.mark.parametrize("kind", [kind for kind in REQUIRED if REQUIRED[kind]])
def test_a_prompt_that_does_not_show_what_it_is_about_is_refused(kind):
    assert len(faults("Be good.", kind)) == len(REQUIRED[kind])


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_prompt_is_refused(text):
    assert faults(text, "phase") == [("review.md", "is empty; expected a prompt")]


def test_a_missing_value_is_never_passed_over():
    with pytest.raises(KeyError):
        parse_template(REVIEW, "t.md", "review").render({"document": "x"})


@pytest.mark.parametrize("kind", ["review", "fix", "research"])
def test_the_prompts_that_come_with_nightwork_show_all_that_is_known_of_a_module(kind):
    told = default_template(kind).render({name: f"<{name}>" for name in VARIABLES[kind]})
    assert all(f"<{name}>" in told for name in VARIABLES[kind] if name != "track")  # its title says more
