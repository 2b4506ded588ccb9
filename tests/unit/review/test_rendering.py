from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from nightwork.agent.results import Option
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import Flag, GateStatus
from nightwork.gates.report import Severity
from nightwork.manifest import BatchStatus
from nightwork.metrics import batch_metrics
from nightwork.outcome import Status, Verdict
from nightwork.review import words
from nightwork.review.document import (
    Combination,
    EscalationRow,
    FailedRow,
    GateRow,
    LeftOutRow,
    QueueRow,
    Rank,
    ReviewDocument,
    SkippedRow,
    TicketRow,
    UnreadyRow,
    WarningRow,
)
from nightwork.review.form import Around, merge_request_form
from nightwork.review.markdown import artifact
from nightwork.review.page import fragment, page
from nightwork.review.terminal import render
from nightwork.ticket import Priority
from nightwork.together import Conflict, Culprit, LeftOut

HOSTILE = [
    "[red]alarm[/red] [link=http://evil.example]x[/link] [/]",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;owned\x07 clear \x9b31m",
    "a | b `code` ``` | ![i](http://evil.example/i.png) [l](javascript:alert(1))",
    "\u202egnp.exe\u2066 \u200bhidden\ufeff",
    "x" * 5000,
    "long words " * 500,
    "\u6f22\u5b57" * 300,
    "line one\n\n# heading\n- item\n\n<b>bold</b>",
    '"><style>body{display:none}</style>&amp;&#60;',
]
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def document(text="Auth feature") -> ReviewDocument:
    """Make a document in which every free text is `text`."""
    counts = dict.fromkeys(Status, 0) | {Status.COMPLETED: 3, Status.ESCALATED: 2, Status.SKIPPED: 1, Status.FAILED: 1}
    options = (
        Option(name="cookie", description=text[:4000], pros=(text[:4000],), cons=(text[:4000],)),
        Option(name="table", description=text[:4000]),
    )
    asked = {"title": text, "trigger": "data", "summary": text, "context": text, "options": options}
    escalation = EscalationRow(
        **asked, ticket="PROJ-145", recommendation="table", questions=(text,), blocks=("PROJ-146",)
    )
    return ReviewDocument(
        batch_id="2024-01-15-overnight",
        status=BatchStatus.COMPLETED,
        base="0" * 40,
        sandbox="bubblewrap",
        counts=counts,
        total=7,
        tickets=(
            TicketRow(ticket="PROJ-145", title=text, status=Status.ESCALATED),
            TicketRow(ticket="PROJ-146", title=text, status=Status.SKIPPED, dependencies=("PROJ-145",)),
        ),
        queue=(
            row("PROJ-142", text, score=94, ready=True),
            row("PROJ-140", text, score=78.4, verdict=Verdict.VETOED, flags=(Flag.TESTS_CHANGED,)),
            row("PROJ-141", text, score=None, verdict=Verdict.NOT_RUN, decision=text),
        ),
        together=Combination(
            status=GateStatus.PASSED,
            summary=text,
            total=5,
            order=("PROJ-142", "PROJ-143"),
            commit="c" * 40,
            tests_passed=212,
            culprits=(Culprit(ticket="PROJ-140", tests=(text, text)),),
            left_out=(LeftOut(ticket="PROJ-141", reason=text),),
            conflicts=(Conflict(tickets=("PROJ-141", "PROJ-142"), files=(text,), count=7),),
        ),
        escalations=(escalation, EscalationRow(**asked, ticket="PROJ-147", recommendation=None, answer=text)),
        skipped=(SkippedRow(ticket="PROJ-146", title=text, reason=text),),
        failed=(FailedRow(ticket="PROJ-150", title=text, outcome="failed(stuck)", reason=text),),
        unready=(UnreadyRow(ticket=text, where=text, reasons=(text, text)),),
        warnings=(WarningRow(ticket="PROJ-142", text=text),),
        left_out=(LeftOutRow(ticket=text, reason=text),),
        red_on_base=(text,),
        metrics=batch_metrics(counts, 7, [94, 78.4], []),
        cost_usd=4.31,
        next_steps=("nightwork decide PROJ-142 approve  # score 94", text),
    )


def row(ticket, text, **given) -> QueueRow:
    known = {
        "ticket": ticket,
        "title": text,
        "branch": f"agent/{ticket}",
        "commit": "b" * 40,
        "attempt": 1,
        "outcome": "completed",
        "verdict": Verdict.PASSED,
        "ready": False,
        "gates": (GateRow(gate="bandit", measures=Measure.SECURITY, status=GateStatus.PASSED, detail=text),),
        "vetoes": (text,),
        "remarks": (text,),
        "findings": {Severity.HIGH: 0},
        "priority": Priority.HIGH,
        "minutes": 14,
        "rank": Rank.PRIORITY,
        "why": text,
        "remaining": (text,),
        "follow_up": text,
        "merge_request": text,
        "files": 4,
        "added": 480,
        "deleted": 34,
        "cost_usd": 0.31,
    }
    return QueueRow(**(known | given))


def shown(given: ReviewDocument, width: int, **terminal) -> str:
    console = Console(file=io.StringIO(), width=width, **terminal)
    console.print(render(given, width))
    return console.file.getvalue()


class Tags(HTMLParser):
    """Collects what a browser would see as elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags_of(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    parser.close()
    return parser


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("text", ["Auth feature", *HOSTILE], ids=range(len(HOSTILE) + 1))
def test_the_dashboard_is_a_box_without_a_line_too_long_or_too_short(text, width):
    lines = shown(document(text), width).splitlines()
    assert {cell_len(line) for line in lines} == {width}
    assert all(line[0] in "╔╠║╚" and line[-1] in "╗╣║╝" for line in lines)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_commands_no_terminal(text):
    assert not UNSEEN.search(shown(document(text), 100).replace("\n", ""))
    coloured = shown(document(text), 100, force_terminal=True, color_system="truecolor")
    assert not UNSEEN.search(re.sub(r"\x1b\[[\d;]*m", "", coloured).replace("\n", ""))
    assert "\x1b]" not in coloured


def test_rich_markup_is_shown_as_it_was_written():
    assert "PROJ-142: [red]alarm[/red]" in shown(document(HOSTILE[0]), 120)


def test_the_dashboard_says_what_the_contract_shows():
    text = shown(document(), 80)
    for expected in (
        "BATCH REVIEW: 2024-01-15-overnight",
        "Total tickets: 7",
        "Completed: 3",
        "Escalated: 2",
        "Failed: 1",
        "Unready: 1 (not in the total)",
        "Cost: $4.31",
        "✓ PROJ-142: Auth feature",
        "[Score: 94]   [Security: OK]",
        "✗ PROJ-140: Auth feature",
        "⚠ PROJ-141: Auth feature",
        "about 14 min",
        "tests changed",
        "Escalations Pending:",
        "⚠ PROJ-145: Auth feature",
        "→ table (recommended)",
        "blocks PROJ-146",
        "✓ PROJ-147: Auth feature",
        "Completion rate: 42.9 % (target > 80 %)",
        "Review time per merge request: not known yet (target < 15 min)",
        "1. nightwork decide PROJ-142 approve",
    ):
        assert expected in text
    assert "Aborted" not in text


@pytest.mark.parametrize(
    "form", [page, artifact, lambda given: shown(given, 120)], ids=["page", "artifact", "terminal"]
)
def test_every_form_says_who_goes_together(form):
    text = form(document()).replace("\\", "")
    for expected in (
        "✓",
        "merge in this order: PROJ-142, PROJ-143",
        "PROJ-140 breaks tests of the others: Auth feature, Auth feature",
        "PROJ-141 Auth feature",
    ):
        assert expected in text


def test_the_page_lists_the_pairs_that_conflict():
    assert "PROJ-141 and PROJ-142 in Auth feature and 4 more" in page(document())


@pytest.mark.parametrize(
    ("status", "total", "sign"),
    [
        (GateStatus.PASSED, 2, "✓"),
        (GateStatus.FAILED, 2, "✗"),
        (GateStatus.NOT_RUN, 2, "⚠"),
        (GateStatus.NOT_RUN, 1, "–"),
    ],
)
def test_a_sign_says_whether_the_whole_passed(status, total, sign):
    given = Combination(status=status, summary="said", total=total)
    assert words.together(document().model_copy(update={"together": given})) == [(sign, "said")]
    assert words.together(document().model_copy(update={"together": None})) == []


def test_the_dashboard_shows_the_first_that_are_left_out():
    rest = tuple(LeftOut(ticket=f"P-{number}", reason="conflicts") for number in range(50))
    given = Combination(status=GateStatus.PASSED, summary="said", total=60, left_out=rest)
    text = shown(document().model_copy(update={"together": given}), 100)
    assert "and 43 more" in text
    assert "P-7 " not in text


def test_every_form_leads_to_the_page_of_the_merge_request():
    link = "https://forge.example/new?a=1&merge_request[source_branch]=agent/PROJ-142"
    linked = row("PROJ-142", "Auth feature", score=94, link=link)
    given = document().model_copy(update={"queue": (linked,)})
    assert 'href="https://forge.example/new?a=1&amp;merge_request[source_branch]=agent/PROJ-142"' in page(given)
    for text in (artifact(given), merge_request_form(linked, Around())):
        anchor = MarkdownIt("commonmark").render(text).partition('href="')[2].partition('"')[0]
        assert anchor == link.replace("&", "&amp;").replace("[", "%5B").replace("]", "%5D")
    assert link in "".join(shown(given, 120).replace("║", "").split())


def test_a_batch_of_nothing_renders_in_every_form():
    counts = dict.fromkeys(Status, 0)
    nothing = ReviewDocument(
        batch_id="night",
        status=BatchStatus.COMPLETED,
        base="0" * 40,
        sandbox="bubblewrap",
        counts=counts,
        total=0,
        metrics=batch_metrics(counts, 0, [], []),
    )
    assert "Ready for Review: nothing" in shown(nothing, 80)
    assert "Nothing." in page(nothing)
    assert "Nothing." in artifact(nothing)


@pytest.mark.parametrize("form", [page, fragment])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_adds_no_element_and_no_attribute_to_html(text, form):
    plain, hostile = tags_of(form(document())), tags_of(form(document(text)))
    assert hostile.tags - {"br"} == plain.tags - {"br"}
    assert hostile.attributes == plain.attributes
    assert not hostile.open
    assert not UNSEEN.search(form(document(text)).replace("\n", ""))


def test_a_notebook_gets_the_first_of_a_thousand_rows_and_the_number_of_the_others():
    rows = tuple(row(f"P-{number}", "x" * 5000, score=90, remarks=("y" * 600,) * 40) for number in range(1000))
    asked = document("z" * 4000).escalations * 30
    html = document().model_copy(update={"queue": rows, "escalations": asked, "total": 1000}).html()
    assert ("P-19<" in html, "P-20<" in html) == (True, False)
    assert "and 980 more" in html
    assert "and 55 more" in html
    assert len(html) < 600_000
    assert len(fragment(document())) < 40_000


def test_the_page_forbids_to_load_anything():
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page(document())


@pytest.mark.parametrize("form", [page, fragment])
def test_html_loads_nothing(form):
    html = form(document())
    assert not tags_of(html).tags & {"script", "link", "img", "iframe", "form", "object", "a"}
    assert not re.search(r"url\(|@import|https?:", html)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_renders_as_itself_in_the_artifact(text):
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    kinds = lambda given: [token.type for token in walk(parser.parse(artifact(document(given))))]  # noqa: E731
    foreign = {"html_block", "html_inline", "link_open", "image", "code_inline", "em_open", "s_open"}
    assert not foreign & set(kinds(text))
    assert [kind for kind in kinds(text) if kind != "text"] == [kind for kind in kinds("x") if kind != "text"]
    assert not UNSEEN.search(artifact(document(text)).replace("\n", ""))


def walk(tokens):
    for token in tokens:
        yield token
        yield from walk(token.children or ())


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_json_keeps_hostile_text_as_it_was(text):
    given = document(text)
    read = ReviewDocument.model_validate_json(given.model_dump_json())
    assert read == given
    assert read.queue[0].title == text


@pytest.mark.parametrize(
    "form", [page, artifact, lambda given: shown(given, 120)], ids=["page", "artifact", "terminal"]
)
def test_every_form_names_every_ticket(form):
    text = form(document())
    for ticket in ("PROJ-142", "PROJ-140", "PROJ-141", "PROJ-145", "PROJ-147", "PROJ-146", "PROJ-150"):
        assert ticket in text
