from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from nightwork.agent.results import Option
from nightwork.gates.judgement import Flag, Scores
from nightwork.gates.report import Severity
from nightwork.outcome import Verdict
from nightwork.review.document import EscalationRow, QueueRow, Rank
from nightwork.review.form import Around, asked_again, escalation_form, merge_request_form
from nightwork.ticket import Priority
from nightwork.together import Culprit

HOSTILE = [
    "</textarea><script>alert(1)</script><img src=x onerror=alert(1)>",
    "![i](http://evil.example/i.png) [l](javascript:alert(1)) <http://evil.example>",
    "[ref]: http://evil.example\n[ref]",
    "```\n~~~\n# heading\n- item\n1. one\n> quote\n| a | b |\n| - | - |",
    "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \u200bhidden\ufeff",
    "{{ secret }} $(touch x) `id` ; rm -rf ~",
    "Tried: x\nWhy: y\nNone: z\n" * 40,
    "x" * 50_000,
    "\u6f22\u5b57 " * 20_000,
]
FOREIGN = {"html_block", "html_inline", "link_open", "image", "code_inline", "em_open", "s_open", "table_open"}
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
LONGEST = 60_000  # characters of a form in which every list is too long and every text hostile


def merge_request(text: str = "Add it", many: int = 1, **given: Any) -> str:
    known: dict[str, Any] = {
        "ticket": "A-1",
        "title": text,
        "branch": "agent/A-1",
        "commit": "c" * 40,
        "attempt": 1,
        "outcome": "partial(remaining_work)",
        "score": 91.5,
        "verdict": Verdict.VETOED,
        "ready": False,
        "vetoes": (text,) * many,
        "findings": {Severity.HIGH: 1},
        "flags": (Flag.TESTS_CHANGED, Flag.CI_CHANGED),
        "remarks": (text,) * many,
        "priority": Priority.HIGH,
        "minutes": 14,
        "rank": Rank.REST,
        "why": text,
        "stacked_on": ("A-0",) * many,
        "conflicts_with": ("A-7",) * many,
        "remaining": (text,) * many,
        "files": 3,
        "added": 40,
        "deleted": 2,
        "cost_usd": 0.31,
    }
    around = Around(
        said=(text,) * many,
        scores=Scores(syntax=100, tests=100, security=80, complexity=92, docs=None, total=91.5),
        findings=(text,) * many,
        commands=("cd /repository", "git diff 0123456789ab agent/A-1", "git merge --no-ff agent/A-1"),
        places=(("review page", text),),
    )
    culprits = [Culprit(ticket="A-1", tests=(text,) * many), Culprit(ticket="A-2", tests=("other",))]
    return merge_request_form(QueueRow(**{**known, **given}), around, culprits)


def escalation(text: str = "left or right?", many: int = 1) -> str:
    said = (text[:4000],) * min(many, 20)
    options = tuple(
        Option(name=f"option-{number}", description=text[:4000], pros=said, cons=said)
        for number in range(max(min(many, 20), 2))
    )
    row = EscalationRow(
        ticket="A-1",
        title=text,
        trigger="iteration_limit",
        summary=text,
        context=f"Tried: {text}\nWhy: {text}\nBlocks: {text}",
        options=options,
        recommendation="option-1",
        questions=(text,) * many,
        blocks=("A-2",) * many,
    )
    return escalation_form(row, Around(places=(("review page", text),)))


def tokens(markdown: str) -> Iterator[Token]:
    def walk(found: Iterable[Token]) -> Iterator[Token]:
        for token in found:
            yield token
            yield from walk(token.children or ())

    yield from walk(MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(markdown))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("form", [merge_request, escalation])
def test_hostile_text_renders_as_itself(form: Any, text: str) -> None:
    shown = asked_again(text, form(text))
    assert not FOREIGN & {token.type for token in tokens(shown)}
    assert not UNSEEN.search(shown.replace("\n", ""))
    assert len([token for token in tokens(shown) if token.type == "heading_open"]) == 1


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("form", [merge_request, escalation])
def test_a_form_is_bounded_whatever_the_batch_holds(form: Any, text: str) -> None:
    assert len(asked_again(text, form(text, many=500))) < LONGEST


def test_a_merge_request_is_told_with_all_that_a_decision_needs() -> None:
    shown = merge_request().replace("\\", "")
    for expected in (
        "### A-1: Add it",
        "✗ **not ready**: Add it",
        "- score: 91.5 (syntax 100, tests 100, security 80, complexity 92, docs n/a)",
        "- verdict: vetoed",
        "- security: 1 high",
        "- flags: tests changed, CI changed",
        "- conflicts with: A-7",
        "- breaks, once the others are merged: Add it",
        "- stands on: A-0",
        "- outcome: partial(remaining_work)",
        "- size: 3 files +40 -2",
        "- cost: $0.31",
        "- review: about 14 min",
        "git diff 0123456789ab agent/A-1\ngit merge --no-ff agent/A-1",
        "- review page: Add it",
    ):
        assert expected in shown


def test_what_there_is_none_of_is_left_out() -> None:
    shown = merge_request(vetoes=(), flags=(), findings={}, conflicts_with=(), stacked_on=(), remaining=(), remarks=())
    for absent in ("Vetoes", "flags:", "conflicts", "stands on", "remains", "outcome", "Where flags"):
        assert absent not in shown


def test_an_escalation_is_told_with_its_options_and_the_recommended_one() -> None:
    shown = escalation().replace("\\", "")
    for expected in (
        "**iteration limit**: left or right?",
        "- waiting for it: A-2",
        "- tried: left or right?",
        "**Option option-0** (medium risk): left or right?",
        "**Option option-1** (medium risk, recommended): left or right?",
        "- pro: left or right?",
        "- con: left or right?",
        "**Questions**",
    ):
        assert expected in shown


def test_what_a_list_does_not_show_is_counted() -> None:
    assert "- and 492 more" in merge_request(many=500)
    assert "**More options, which the review page describes**" in escalation(many=20)


def test_the_reason_why_an_answer_was_not_taken_comes_first() -> None:
    assert asked_again("say which changes", "form").startswith("> **That was not taken:** say which changes\n\nform")
