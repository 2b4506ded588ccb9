"""What is to be decided on a batch, and what becomes of an answer."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from nightwork.decision import Kind
from nightwork.errors import BadInput
from nightwork.manifest import BatchStatus
from nightwork.stages import review
from nightwork.stages.subject import Answer, Subject, Urgency, form_of, subject_of, subjects

Night = Any


def told(batch: Any) -> dict[str, tuple[str, Urgency]]:
    return {subject.ticket: (subject.key, subject.urgency) for subject in subjects(batch)}


def one(batch: Any, ticket: str) -> Subject:
    subject = subject_of(batch, ticket)
    assert subject is not None
    return subject


def test_what_others_wait_for_is_more_urgent_and_what_is_critical_most(night: Night) -> None:
    night.ticket("C", priority="critical")
    night.commit()
    batch, _ = night.run()
    assert told(batch) == {
        "C": ("merge-request-1", Urgency.CRITICAL),
        "A": ("merge-request-1", Urgency.BLOCKS),
        "B": ("merge-request-1", Urgency.USUAL),
    }
    review.decide(batch, "B", Kind.REJECT, "")
    assert told(batch)["A"] == ("merge-request-1", Urgency.USUAL)


def test_what_the_gates_have_not_judged_is_not_asked_yet(night: Night) -> None:
    batch, _ = night.run()
    state = batch.state()
    state.items["A"] = state.items["A"].model_copy(update={"verdict": None})
    batch.save(state)
    assert list(told(batch)) == ["B"]
    assert subject_of(batch, "A") is None


def test_a_ticket_of_another_batch_is_told(night: Night) -> None:
    batch, _ = night.run()
    with pytest.raises(BadInput, match="'X': is not in"):
        subject_of(batch, "X")


def test_an_answer_is_recorded_or_the_reason_why_not_returned(night: Night) -> None:
    batch, _ = night.run()
    assert one(batch, "B").take(Answer("approve", "", "Ann")) == (
        "ticket 'B': its branch holds A, which is not decided; approve A first"
    )
    assert "say which changes" in str(one(batch, "A").take(Answer("request-changes", " ", "Ann")))
    said = Answer("reject", "no", "Ann")
    taken = one(batch, "A").take(said)
    late = one(batch, "A").take(Answer("approve", "", "Bo"))
    assert not isinstance(taken, str)
    assert (late, said.is_in(taken), Answer("approve", "", "Bo").is_in(taken)) == (taken, True, False)
    assert one(batch, "A").holds() == taken
    one(batch, "B").take(Answer("reject", "", "Ann"))
    assert batch.manifest().status is BatchStatus.REVIEWED


def test_a_secret_in_a_comment_does_not_make_the_decision_another_one(night: Night) -> None:
    batch, _ = night.run()
    said = Answer("reject", "it leaks " + "ghp_" + "x9K2mQ7vR4tY8wZ1nB5cD3fG6hJ0kLpSaUeW", "Ann")
    taken = one(batch, "A").take(said)
    assert not isinstance(taken, str)
    assert "ghp_" not in taken.message
    assert said.is_in(taken)


@pytest.mark.parametrize(
    ("is_local", "first", "branch"), [(True, "cd ", "agent/A"), (False, "git fetch origin agent/A", "origin/agent/A")]
)
def test_the_form_holds_commands_that_work_where_it_is_read(
    night: Night, is_local: bool, first: str, branch: str
) -> None:
    batch, _ = night.run()
    shown = form_of(one(batch, "A"), is_local)
    origin = night.git("rev-parse", "HEAD")[:12]
    assert f"\n{first}" in shown
    assert f"\ngit diff {origin} {branch}\ngit merge --no-ff {branch}\n" in shown
    assert night.git("diff", "--stat", origin, "agent/A")


def test_an_escalation_is_answered_by_one_of_its_options(night: Night) -> None:
    (night.root / "tickets/B.md").unlink()
    night.settings("echo 'ALTER TABLE a ADD b int;' > more.sql")
    night.commit()
    batch, document = night.run()
    subject, row = one(batch, "A"), document.escalations[0]
    assert (subject.key, subject.options) == ("escalation-1-0", tuple(option.name for option in row.options))
    assert row.summary.split()[0] in form_of(subject)
    assert "offers" in str(subject.take(Answer("nowhere", "", "Ann")))
    taken = subject.take(Answer(subject.options[0], "go", "Ann"))
    assert not isinstance(taken, str)
    assert (taken.kind, taken.option, taken.by) == (Kind.ANSWER, subject.options[0], "Ann")
    assert "run of answers" in subject.then(taken)


def test_what_was_said_of_one_attempt_is_not_taken_for_the_next(night: Night) -> None:
    batch, _ = night.run()
    seen = one(batch, "A")
    shutil.copytree(batch.attempt_folder("A", 1), batch.attempt_folder("A", 2))
    state = batch.state()
    state.items["A"] = state.items["A"].with_(attempt=2)
    batch.save(state)
    assert not seen.is_asked()
    assert "this is attempt 2" in str(seen.take(Answer("approve", "", "Ann")))
    assert batch.decisions.all() == []
    assert one(batch, "A").is_asked()
