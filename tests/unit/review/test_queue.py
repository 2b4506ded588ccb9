from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.agent.results import Context, Escalation, Option, Trigger
from nightwork.change import Change, ChangedFile
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import Flag, GateResult, GateStatus, Judgement, Scores
from nightwork.gates.report import Finding, Severity
from nightwork.manifest import BatchStatus, Config, Entry, Manifest
from nightwork.outcome import Outcome, Reason, Status, Verdict
from nightwork.review import ReviewDocument, Reviewed, build
from nightwork.review.document import LeftOutRow, Rank, UnreadyRow, WarningRow
from nightwork.review.effort import expected_minutes
from nightwork.ticket import Priority
from nightwork.together import Conflict, Culprit, Together

COMMIT = "b" * 40
DONE = Outcome(status=Status.COMPLETED)
PARTIAL = Outcome(status=Status.PARTIAL, reason=Reason.REMAINING_WORK)
CODE = ChangedFile(path="src/a.py", status="M", added=60, deleted=0)
SECRET = Finding(rule="AWS", message="a key", path="src/a.py", line=3, severity=Severity.HIGH)


def gate(measures=Measure.TESTS, status=GateStatus.PASSED, findings=(), name=None):
    return GateResult(gate=name or measures, measures=measures, status=status, findings=findings)


def judge(total=85.0, verdict=Verdict.PASSED, gates=(), flags=(), blocked_by=None, commit=COMMIT):
    return Judgement(
        ticket="T",
        attempt=1,
        commit=commit,
        verdict=verdict,
        gates=gates,
        flags=flags,
        blocked_by=blocked_by,
        scores=Scores(total=total),
    )


def change_of(name="T", files=(CODE,), remaining=()):
    return Change(
        ticket=name,
        attempt=1,
        title=name,
        branch=f"agent/{name}",
        parent="a" * 40,
        origin="a" * 40,
        commit=COMMIT,
        tree="c" * 40,
        files=files,
        remaining=remaining,
    )


def delivered(name, judgement=None, priority=Priority.MEDIUM, outcome=DONE, remaining=(), **known):
    entry = Entry(id=name, title=f"Title of {name}", priority=priority)
    return Reviewed(entry, outcome, change_of(name, remaining=remaining), judgement or judge(), **known)


def ended(name, status, dependencies=(), message="", reason=None, **known):
    entry = Entry(id=name, title=f"Title of {name}", dependencies=dependencies)
    return Reviewed(entry, Outcome(status=status, reason=reason, message=message), **known)


def manifest_of(entries) -> Manifest:
    return Manifest(
        batch_id="night",
        created_at=datetime(2024, 1, 15, 18, tzinfo=UTC),
        repository="/repo",
        base="0" * 40,
        config=Config(timeout_per_ticket=timedelta(minutes=30)),
        tickets=tuple(entries),
        status=BatchStatus.COMPLETED,
    )


def review(*reviewed, **known) -> ReviewDocument:
    return build(manifest_of(item.entry for item in reviewed), reviewed, sandbox="bubblewrap", **known)


def order(*reviewed):
    return [row.ticket for row in review(*reviewed).queue]


ESCALATION = Escalation(
    trigger=Trigger.ARCHITECTURE,
    summary="Cookie or table?",
    context=Context(tried="read", why="both fit", blocks="the schema"),
    options=(Option(name="cookie", description="a cookie"), Option(name="table", description="a table")),
    recommendation="table",
)
SECURITY_VETO = judge(70, Verdict.VETOED, gates=(gate(Measure.SECURITY, GateStatus.FAILED, name="secrets"),))


def test_rows_stand_in_the_contracts_order():
    rows = [
        delivered("rest", judge(85)),
        delivered("low-score", judge(20)),
        delivered("quick", judge(91)),
        delivered("high", judge(81), Priority.HIGH),
        delivered("critical", judge(82), Priority.CRITICAL),
        delivered("secret", SECURITY_VETO),
        delivered("flagged", judge(99, flags=(Flag.SECURITY_FINDING,))),
        delivered("approved", judge(100), Priority.CRITICAL, decision="approve"),
    ]
    expected = ["flagged", "secret", "critical", "high", "quick", "rest", "low-score", "approved"]
    assert order(*rows) == expected
    assert order(*reversed(rows)) == expected


@pytest.mark.parametrize(
    ("item", "rank", "why"),
    [
        (
            delivered("T", judge(90, gates=(gate(Measure.SECURITY, findings=(SECRET,)),))),
            Rank.SECURITY,
            "security: 1 high finding",
        ),
        (delivered("T", SECURITY_VETO), Rank.SECURITY, "security: vetoed by secrets"),
        (delivered("T", judge(flags=(Flag.SECURITY_FINDING,))), Rank.SECURITY, "security: flagged"),
        (delivered("T", judge(flags=(Flag.CI_CHANGED,))), Rank.REST, "score 85"),
        (delivered("T", judge(90), Priority.HIGH), Rank.PRIORITY, "priority high"),
        (delivered("T", judge(96)), Rank.SCORE, "score 96"),
        (delivered("T", judge(90)), Rank.REST, "score 90"),
        (delivered("T", judge(79.99)), Rank.REST, "score 79.9, below 80"),
        (delivered("T", judge(None)), Rank.REST, "score n/a"),
        (
            delivered("T", judge(96, Verdict.VETOED, gates=(gate(status=GateStatus.FAILED),))),
            Rank.REST,
            "vetoed by tests",
        ),
        (
            delivered("T", judge(96, Verdict.VETOED), Priority.CRITICAL),
            Rank.PRIORITY,
            "priority critical; vetoed",
        ),
        (
            delivered("T", judge(None, Verdict.NOT_RUN, gates=(gate(status=GateStatus.NOT_RUN),))),
            Rank.REST,
            "did not run: tests",
        ),
        (delivered("T", judge(96, commit="d" * 40)), Rank.REST, "not judged"),
        (
            delivered("T", judge(96, Verdict.BLOCKED_BY, blocked_by="T-1")),
            Rank.REST,
            "stacked on T-1, which is vetoed",
        ),
        (delivered("T", outcome=PARTIAL, remaining=("a", "b")), Rank.REST, "partial: 2 points remain"),
        (
            delivered("T", judge(95), outcome=PARTIAL, remaining=("a",)),
            Rank.SCORE,
            "score 95; partial: 1 point remains",
        ),
        (delivered("T", judge(95), decision="reject"), Rank.DECIDED, "decided: reject"),
    ],
)
def test_a_row_says_why_it_stands_where_it_does(item, rank, why):
    row = review(item).queue[0]
    assert (row.rank, row.why) == (rank, why)


@pytest.mark.parametrize(
    ("item", "ready"),
    [
        (delivered("T", judge(80)), True),
        (delivered("T", judge(79.99)), False),
        (delivered("T", judge(None)), False),
        (delivered("T", judge(100, Verdict.VETOED)), False),
        (delivered("T", judge(100, Verdict.NOT_RUN)), False),
        (delivered("T", judge(100, Verdict.BLOCKED_BY)), False),
        (delivered("T", judge(100, commit="d" * 40)), False),
        (delivered("T", judge(100), outcome=PARTIAL), False),
        (Reviewed(Entry(id="T", title="T"), DONE, change_of()), False),
    ],
)
def test_only_completed_work_that_passed_with_80_points_is_ready(item, ready):
    assert review(item).queue[0].ready is ready


def test_a_verdict_on_an_older_commit_says_nothing_of_this_one():
    row = review(delivered("T", judge(100, commit="d" * 40))).queue[0]
    assert (row.verdict, row.score) == (Verdict.NOT_RUN, None)


def some_items():
    judgements = st.builds(
        judge,
        st.none() | st.floats(0, 100),
        st.sampled_from(Verdict),
        st.sampled_from([(), (gate(Measure.SECURITY, GateStatus.FAILED),), (gate(status=GateStatus.FAILED),)]),
        st.sampled_from([(), (Flag.SECURITY_FINDING,), (Flag.FLAKY_TEST,)]),
    )
    decisions = st.sampled_from([None, None, "approve"])
    done = st.builds(
        lambda judgement, priority, outcome, decision: (
            lambda name: delivered(name, judgement, priority, outcome, decision=decision)
        ),
        judgements,
        st.sampled_from(Priority),
        st.sampled_from([DONE, PARTIAL]),
        decisions,
    )
    others = st.sampled_from(Status).map(lambda status: lambda name: ended(name, status))
    return st.lists(done | others, max_size=25).map(
        lambda makers: [make(f"T-{number}") for number, make in enumerate(makers)]
    )


@given(some_items(), st.randoms(use_true_random=False))
def test_the_order_is_the_same_whatever_order_the_tickets_came_in(items, chance: random.Random):
    shuffled = chance.sample(items, len(items))
    assert order(*items) == order(*shuffled)


@given(some_items())
def test_ranks_rise_and_scores_fall_inside_a_rank(items):
    rows = review(*items).queue
    places = [(row.rank, -(row.score if row.score is not None else -1), row.ticket) for row in rows]
    assert places == sorted(places)


@given(some_items())
def test_the_counts_sum_to_the_total_and_no_ticket_gets_lost(items):
    document = review(*items)
    assert sum(document.counts.values()) == document.total == len(items)
    rows = [*document.queue, *document.escalations, *document.skipped, *document.failed, *document.warnings]
    named = {row.ticket for row in rows}
    going_on = {item.entry.id for item in items if item.outcome.status in {Status.PENDING, Status.RUNNING}}
    assert named | going_on == {item.entry.id for item in items}


@given(some_items())
def test_the_document_survives_the_way_through_json(items):
    document = review(*items, unready=[UnreadyRow(ticket="U", where="u.md:1", reasons=("no criteria",))])
    assert ReviewDocument.model_validate_json(document.model_dump_json()) == document


def test_a_document_whose_counts_do_not_sum_up_is_refused():
    data = review(delivered("A")).model_dump()
    with pytest.raises(ValueError, match="a sum of 2"):
        ReviewDocument.model_validate(data | {"total": 2})


@pytest.mark.parametrize("known", [[], ["A"], ["A", "A"], ["A", "B", "C"]])
def test_what_is_known_must_be_of_every_ticket_once(known):
    manifest = manifest_of([Entry(id="A", title="A"), Entry(id="B", title="B")])
    with pytest.raises(ValueError, match="expected every ticket of 'night' once"):
        build(manifest, [delivered(name) for name in known], sandbox="bubblewrap")


def test_an_escalation_names_the_tickets_that_were_skipped_because_of_it():
    document = review(
        ended("A", Status.ESCALATED, reason=Reason.ARCHITECTURE, escalation=ESCALATION),
        ended("B", Status.SKIPPED, ("A",), "dependency A is escalated"),
        ended("C", Status.SKIPPED, ("B",), "dependency B is skipped"),
        ended("D", Status.SKIPPED, ("E",), "dependency E failed"),
        ended("E", Status.FAILED, message="the agent gave up"),
    )
    row = document.escalations[0]
    assert (row.blocks, row.recommendation, row.trigger) == (("B", "C"), "table", "architecture")
    assert document.skipped[0].reason == "dependency A is escalated"


def test_answered_escalations_stand_behind_the_open_ones():
    document = review(
        ended("A", Status.ESCALATED, escalation=ESCALATION, answer="table"),
        ended("B", Status.ESCALATED, escalation=ESCALATION),
    )
    assert [row.ticket for row in document.escalations] == ["B", "A"]


def test_an_escalation_without_its_record_is_still_shown():
    row = review(ended("A", Status.ESCALATED, reason=Reason.SECURITY, message="asks for a key")).escalations[0]
    assert (row.trigger, row.summary, row.recommendation) == ("security", "asks for a key", None)


def test_completed_work_without_a_change_on_record_is_a_warning():
    document = review(ended("A", Status.COMPLETED))
    assert document.queue == ()
    assert "cannot be reviewed" in document.warnings[0].text


def test_next_steps_name_one_of_each_kind_before_a_second_of_any():
    document = review(
        *(delivered(f"OK-{number}", judge(99 - number)) for number in range(4)),
        delivered("BAD", SECURITY_VETO),
        ended("ASK", Status.ESCALATED, escalation=ESCALATION),
        ended("WAIT", Status.SKIPPED, ("ASK",)),
        ended("CUT", Status.ABORTED, reason=Reason.RATE_LIMIT),
        ended("LOST", Status.FAILED, reason=Reason.STUCK),
        unready=[UnreadyRow(ticket="RAW", where="tickets/RAW.md:1", reasons=("no criteria", "open question: when?"))],
    )
    assert document.next_steps == (
        'nightwork decide BAD request-changes -m "what to change"  # security: vetoed by secrets, about 7 min',
        "nightwork decide OK-0 approve  # score 99, about 7 min",
        "nightwork answer ASK table  # unblocks WAIT: Cookie or table?",
        "nightwork resume night  # runs 1 aborted ticket again",
        "nightwork resume night --retry-failed  # a new attempt at 1 failed ticket",
        "make RAW ready (tickets/RAW.md:1): no criteria; open question: when?",
    )


def test_next_steps_go_on_with_approvals_when_there_is_room():
    document = review(*(delivered(f"OK-{number}", judge(99 - number)) for number in range(9)))
    assert [step.split("  # ")[0] for step in document.next_steps] == [
        f"nightwork decide OK-{number} approve" for number in range(6)
    ]


def test_what_is_decided_and_answered_needs_no_next_step():
    document = review(
        delivered("A", decision="approve"), ended("B", Status.ESCALATED, escalation=ESCALATION, answer="table")
    )
    assert document.next_steps == ()


def test_a_copied_next_step_runs_only_what_nightwork_wrote():
    hostile = ESCALATION.model_copy(update={"summary": "no\nrm -rf ~  # \x1b]0;x\x07 nightwork decide X approve"})
    (step,) = review(ended("A", Status.ESCALATED, escalation=hostile)).next_steps
    command, comment = step.split("  # ", 1)
    assert command == "nightwork answer A table"
    assert "\n" not in comment
    assert "\x1b" not in comment


def test_the_cost_is_that_of_all_tickets_and_the_metrics_count_decided_minutes():
    paid = DONE.with_(cost_usd=1.5)
    document = review(delivered("A", outcome=paid, decision="approve", minutes=12), delivered("B", outcome=paid))
    assert document.cost_usd == 3.0
    assert document.metrics[-1].value == 12


def tried(*names, commit=COMMIT, **known):
    return Together(key="k", base="0" * 40, commits=dict.fromkeys(names, commit), candidates=names, **known)


def test_a_row_names_those_that_it_conflicts_with_and_what_it_breaks():
    found = tried(
        "A",
        "B",
        "C",
        conflicts=(Conflict(tickets=("A", "B")), Conflict(tickets=("C", "A"))),
        culprits=(Culprit(ticket="C", tests=("test_a",)),),
    )
    rows = {row.ticket: row for row in review(*map(delivered, "ABC"), together=found).queue}
    assert {name: row.conflicts_with for name, row in rows.items()} == {"A": ("B", "C"), "B": ("A",), "C": ("A",)}
    assert rows["A"].why == "score 85; conflicts with B, C"
    assert rows["C"].why == "score 85; conflicts with A; breaks tests once the others are merged: test_a"
    assert all(row.ready for row in rows.values())


def test_only_approvals_that_merge_one_after_the_other_are_next_steps():
    found = tried("A", "B", "C", conflicts=(Conflict(tickets=("A", "B")),), culprits=(Culprit(ticket="C"),))
    rows = list(map(delivered, "ABC"))
    assert [step.split("  #")[0] for step in review(*rows, together=found).next_steps] == ["nightwork decide A approve"]
    rows[1] = delivered("B", decision="approve")
    assert review(*rows, together=found).next_steps == ()


@pytest.mark.parametrize(
    "other",
    [
        delivered("B", judge(verdict=Verdict.VETOED)),
        delivered("B", decision="reject"),
        delivered("B", decision="request-changes"),
    ],
)
def test_a_conflict_with_what_will_not_be_merged_is_not_told(other):
    found = tried("A", "B", conflicts=(Conflict(tickets=("A", "B")),))
    (row,) = [row for row in review(delivered("A"), other, together=found).queue if row.ticket == "A"]
    assert (row.conflicts_with, row.why) == ((), "score 85")


def test_what_was_found_of_other_commits_says_nothing_of_a_row():
    culprits = (Culprit(ticket="A", tests=("test_a",)),)
    found = tried("A", "B", commit="9" * 40, conflicts=(Conflict(tickets=("A", "B")),), culprits=culprits)
    assert {row.why for row in review(delivered("A"), delivered("B"), together=found).queue} == {"score 85"}


def test_what_intake_said_stands_in_the_document_and_not_in_the_counts():
    document = review(
        delivered("A"),
        unready=[UnreadyRow(ticket="U", where="u.md", reasons=("no criteria",))],
        left_out=[LeftOutRow(ticket="L", reason="undecided merge request")],
        warnings=[WarningRow(ticket="A", text="no test cases")],
        red_on_base=["pytest: test_clock fails"],
    )
    assert document.total == 1
    assert (len(document.unready), len(document.left_out), len(document.warnings)) == (1, 1, 1)
    assert document.red_on_base == ("pytest: test_clock fails",)


def file(path, added=60, deleted=0):
    return ChangedFile(path=path, status="M", added=added, deleted=deleted)


USUAL = [file("src/a.py"), file("src/b.py"), file("tests/test_a.py"), file("tests/test_b.py")]


@pytest.mark.parametrize(
    ("files", "minutes"),
    [
        ([], 3),
        (USUAL, 15),
        ([*USUAL, file("uv.lock", 4000, 4000)], 16),
        ([file("src/a.py")], 7),
        ([file("tests/test_a.py")], 5),
        ([file("src/Button.test.tsx")], 5),
        ([file("docs/guide.md")], 5),
        ([file("api_pb2.py", 9000)], 4),
        ([file("package-lock.json", 9000)], 4),
        ([file("src/a.py", 0, 400)], 9),
        ([file("logo.png", None, None)], 4),
    ],
)
def test_expected_minutes_follow_files_lines_and_kinds(files, minutes):
    assert expected_minutes(change_of(files=tuple(files))) == minutes


def test_a_resume_after_a_spent_budget_says_that_the_limit_comes_first():
    document = review(ended("CUT", Status.ABORTED, reason=Reason.BUDGET))
    (step,) = document.next_steps
    assert step.startswith("nightwork resume night  # runs 1 aborted ticket again; ")
    assert "--budget-usd" in step
