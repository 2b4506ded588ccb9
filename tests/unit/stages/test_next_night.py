"""A second night that knows the first: what is carried over, what stays, and to which batch a ticket belongs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightwork import stop
from nightwork.batch import Batch
from nightwork.checkpoint import BatchState
from nightwork.decision import Kind
from nightwork.errors import BadInput, StateError
from nightwork.manifest import BatchStatus, save_manifest
from nightwork.outcome import Outcome, Reason, Status
from nightwork.review.document import ReviewDocument
from nightwork.stages import attempt, ticket
from nightwork.stages.generation import has_work
from nightwork.stages.intake import collect
from nightwork.stages.review import answer, batch_of, decide, document_of
from nightwork.workspace import Repository

Night = Any
SCRIPT: dict[str, Any] = {
    "C0": [[{"submit_scope": {"objective": "o", "in_scope": ["o"]}}]],
    "C1": [[{"submit_plan": {"approach": "a"}}]],
}
ASK = {
    "trigger": "uncertainty",
    "summary": "which one?",
    "context": {"tried": "t", "why": "w", "blocks": "b"},
    "options": [
        {"name": name, "description": "d", "pros": ["p"], "cons": ["c"], "risk": "low"} for name in ("left", "right")
    ],
    "recommendation": "left",
}


def work(log: Path, name: str, *turns: Any) -> dict[str, Any]:
    """Script a ticket whose C2 notes each turn in a log."""
    noted = [[{"run": {"command": ["sh", "-c", f"echo {name}-{number} >> {log}"]}}] for number in range(2)]
    edit = [{"edit": {"path": f"{name}.txt", "old": "", "new": "new\n"}}]
    return {**SCRIPT, "C2": [noted[0], *turns, noted[1], edit, [{"submit_work": {"summary": f"add {name}"}}]]}


def use(night: Night, script: dict[str, Any], **batch: Any) -> None:
    night.write("script.yaml", json.dumps(script))
    gate = {"name": "tests", "measures": "tests", "command": ["true"]}
    agent = {"model": "scripted:script.yaml"}
    own = {"agent": agent, "gates": [gate], "batch": batch}
    night.write("nightwork.yaml", json.dumps({**own, "sandbox": {"confine": False}}))  # its commands note themselves


def statuses(batch: Batch) -> dict[str, str]:
    return {name: outcome.label() for name, outcome in batch.state().items.items()}


def is_whole(night: Night, batch: Batch, document: ReviewDocument, name: str) -> None:
    assert next(row for row in document.queue if row.ticket == name).ready
    assert night.git("rev-list", "--count", f"main..agent/{name}") == "1"
    assert (batch.folder / "merge_requests" / f"{name}.md").exists()


def interrupt(night: Night, batch: Batch, **outcomes: Outcome) -> BatchState:
    """Leave a batch as a run that was stopped leaves it."""
    state = batch.state()
    state.items |= outcomes
    batch.save(state)
    batch.tell_manifest(state, BatchStatus.ABORTED)
    return state


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def aborted(night: Night, log: Path) -> Batch:
    """Return a batch whose ticket A was stopped in the middle of C2, so that B was not started."""
    stopper = [{"run": {"command": ["sh", "-c", "sleep 0"]}}]
    use(night, {"A": work(log, "A", stopper), "B": work(log, "B")})
    night.commit()
    batch = night.begin()
    original = batch.ref(batch.state(), "A")

    attempt.open_attempt(original)
    scoped = ticket.scope(original)
    planned = ticket.plan(original, scoped)
    trajectory = original.folder / "trajectory.jsonl"
    ticket.implement(original, scoped, planned)
    # Cut the conversation behind the answer to the first command: that is what a stop there leaves.
    lines = trajectory.read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if '"kind":"result"' in line and '"stage":"C2"' in line)
    trajectory.write_text("".join(lines[: first + 1]))
    Path(original.worktree / "A.txt").unlink()
    log.write_text("A-0\n")
    interrupt(night, batch, A=Outcome(status=Status.ABORTED, reason=Reason.STOPPED))
    return batch


def test_an_aborted_ticket_goes_on_in_the_next_batch_where_it_stood(night: Night, aborted: Batch, log: Path) -> None:
    stop.reset()
    started_from = night.git("rev-parse", "main")
    night.write("moved.txt", "the base has moved on\n")
    night.commit()
    second, document = night.run()
    assert statuses(second) == {"A": "completed", "B": "completed"}
    assert log.read_text().split() == ["A-0", "A-1", "B-0", "B-1"]  # the first command of A was not run again
    is_whole(night, second, document, "A")
    assert night.git("rev-parse", "agent/A^") == started_from
    assert second.change("A", 1).parent == started_from
    assert statuses(aborted) == {"A": "skipped(carried_over)", "B": "skipped(carried_over)"}
    assert aborted.manifest().status is BatchStatus.COMPLETED
    assert f"goes on in {second.id}" in document_of(aborted).skipped[0].reason


def test_a_batch_whose_tickets_went_on_elsewhere_has_nothing_to_resume(night: Night, aborted: Batch, log: Path) -> None:
    second, _ = night.run()
    before = log.read_text()
    assert not has_work(aborted, retry_failed=False)
    night.go_on(aborted)
    assert log.read_text() == before
    assert batch_of(night.root, "A") == second


def test_a_kill_before_the_old_batch_was_told_lets_no_ticket_run_twice(night: Night, aborted: Batch, log: Path) -> None:
    kept = (aborted.folder / "checkpoint.json").read_bytes()
    night.run()
    (aborted.folder / "checkpoint.json").write_bytes(kept)  # as if it had been killed in between
    before = log.read_text()
    night.go_on(aborted)
    assert log.read_text() == before
    assert statuses(aborted) == {"A": "skipped(carried_over)", "B": "skipped(carried_over)"}


def test_what_has_not_begun_starts_from_the_newer_base(night: Night, aborted: Batch) -> None:
    night.write("moved.txt", "the base has moved on\n")
    head = night.commit()
    for path in aborted.attempt_folder("A", 1).iterdir():
        path.unlink()
    second, _ = night.run()
    assert second.change("A", 1).parent == head


def test_an_answer_reaches_the_ticket_in_the_next_batch(night: Night, log: Path) -> None:
    ask = [{"escalate": ASK}]
    use(night, {"A": work(log, "A", ask), "B": work(log, "B")})
    night.commit()
    first, document = night.run()
    assert statuses(first) == {"A": "escalated(uncertainty)", "B": "skipped(dependency)"}
    with pytest.raises(BadInput, match=r"waits for an answer(.|\n)*B: waits for A"):
        collect(str(night.root), first.settings()).refuse_if(strict=False)
    answer(first, "A", "right", "because")
    second, document = night.run()
    assert statuses(second) == {"A": "completed", "B": "completed"}
    assert log.read_text().split() == ["A-0", "A-1", "B-0", "B-1"]
    assert "right: because" in (second.attempt_folder("A", 1) / "trajectory.jsonl").read_text()
    is_whole(night, second, document, "A")
    assert statuses(first)["A"] == "skipped(carried_over)"


def test_money_that_an_attempt_has_cost_before_counts_for_the_batch_that_spent_it(night: Night) -> None:
    paid = """echo '{"summary": "x", "cost_usd": 5}' > $NIGHTWORK_RESULT; """
    night.settings(f"{paid} echo x > $NIGHTWORK_TICKET.txt")
    first, document = night.run()
    assert document.cost_usd == 10
    for name in "AB":
        (first.attempt_folder(name, 1) / "landing.json").unlink()
        (first.attempt_folder(name, 1) / "change.json").unlink()
        night.git("update-ref", "-d", f"refs/heads/agent/{name}")
    state = first.state()
    state.items = {k: v.with_(status=Status.ABORTED, verdict=None) for k, v in state.items.items()}
    first.save(state)
    second = night.begin()
    document = night.go_on(second)
    assert document.cost_usd == sum(outcome.cost_usd for outcome in second.state().items.values())
    assert first.continued("A") is None
    assert second.continued("A").batch == first.id
    assert 0 <= document.cost_usd <= 10


def test_a_ticket_that_was_closed_meanwhile_is_not_worked_on(night: Night, aborted: Batch, log: Path) -> None:
    night.ticket("A", state="done")
    before = log.read_text()
    document = night.go_on(aborted)
    assert statuses(aborted) == {"A": "skipped(closed)", "B": "skipped(dependency)"}
    assert "the ticket is done meanwhile" in document.skipped[0].reason
    assert log.read_text() == before
    night.ticket("A")
    night.go_on(aborted)
    assert statuses(aborted) == {"A": "completed", "B": "completed"}


def test_a_tracker_that_is_gone_closes_no_ticket(night: Night, aborted: Batch) -> None:
    (night.root / "tickets").rename(night.root / "elsewhere")
    night.go_on(aborted)
    assert statuses(aborted) == {"A": "completed", "B": "completed"}


def test_several_batches_on_one_day_have_names_of_their_own_and_share_no_ticket(night: Night) -> None:
    first = night.begin()
    second = night.begin()
    night.ticket("C")
    third = night.begin()
    assert [second.id, third.id] == [f"{first.id}-2", f"{first.id}-3"]
    for batch in (first, second, third):
        night.go_on(batch)
    assert statuses(first) == statuses(second) == {"A": "skipped(carried_over)", "B": "skipped(carried_over)"}
    assert statuses(third) == {"A": "completed", "B": "completed", "C": "completed"}


def test_a_resume_reads_the_tickets_where_the_batch_took_them_from(night: Night, aborted: Batch) -> None:
    (night.root / "tickets").rename(night.root / "backlog")
    batch = night.begin(tickets="backlog")
    night.go_on(batch)
    assert batch.settings().tickets == "backlog"


def test_what_was_merged_lets_dependents_start_and_says_what_is_left_to_do(night: Night) -> None:
    (night.root / "tickets" / "B.md").unlink()
    first, _ = night.run()
    decide(first, "A", Kind.APPROVE, "")
    night.git("merge", "--quiet", "--no-ff", "agent/A")
    night.ticket("B", dependencies=["A"])
    second, _ = night.run()
    assert statuses(second) == {"B": "completed"}
    assert second.change("B", 1).stacked_on == ()
    assert [row.reasons[0] for row in second.intake().left_out] == [
        "its branch is merged; set `state: done` in the ticket"
    ]


def test_what_earlier_tickets_took_decides_the_order_and_what_a_deadline_lets_start(night: Night) -> None:
    for name in "CDEFG":
        night.ticket(name, complexity="trivial")
    first, _ = night.run()
    state = first.state()
    for name, outcome in state.items.items():
        if name in "CDEFG":
            state.items[name] = outcome.with_(ended_at=outcome.started_at + timedelta(minutes=70))
    first.save(state)
    for name in "CDEFG":
        decide(first, name, Kind.REJECT, "")
        (night.root / "tickets" / f"{name}.md").unlink()
    night.ticket("H", complexity="large")
    night.ticket("I", complexity="trivial")
    deadline = datetime.now(UTC) + timedelta(minutes=50)
    night.settings("echo x > $NIGHTWORK_TICKET.txt", batch={"timeout_per_ticket": "2h", "deadline": str(deadline)})
    second, _ = night.run()
    assert statuses(second) == {"I": "aborted(deadline)", "H": "completed"}
    assert "about 70 minutes" in second.state().items["I"].message


def escalate_first(log: Path, name: str) -> dict[str, Any]:
    return work(log, name, [{"escalate": ASK}])


def test_an_answer_outlives_a_night_in_which_the_ticket_was_skipped(night: Night, log: Path) -> None:
    night.ticket("A", dependencies=[])
    use(night, {"A": escalate_first(log, "A"), "B": work(log, "B"), "X": escalate_first(log, "X")})
    night.commit()
    first, _ = night.run()
    answer(first, "A", "right", "because")
    night.ticket("X")
    night.ticket("A", dependencies=["X"])
    second, _ = night.run()
    assert statuses(second)["A"] == "skipped(dependency)"
    answer(second, "X", "left", "")
    third, _ = night.run()
    assert statuses(third) == {"A": "completed", "B": "completed", "X": "completed"}
    assert log.read_text().split().count("A-0") == 1
    assert "right: because" in (third.attempt_folder("A", 1) / "trajectory.jsonl").read_text()


def stack_with_a_question(night: Night, log: Path) -> Batch:
    use(night, {"A": work(log, "A"), "B": escalate_first(log, "B")})
    night.commit()
    batch, _ = night.run()
    assert statuses(batch) == {"A": "completed", "B": "escalated(uncertainty)"}
    return batch


def test_what_stands_on_a_branch_that_was_merged_meanwhile_is_judged_and_can_be_approved(
    night: Night, log: Path
) -> None:
    first = stack_with_a_question(night, log)
    decide(first, "A", Kind.APPROVE, "")
    night.git("merge", "--quiet", "--no-ff", "agent/A")
    answer(first, "B", "left", "")
    second, document = night.run()
    assert statuses(second) == {"B": "completed"}
    assert document.queue[0].ready
    assert decide(second, "B", Kind.APPROVE, "").kind is Kind.APPROVE


def test_what_stood_on_a_rejected_branch_starts_anew_without_it(night: Night, log: Path) -> None:
    first = stack_with_a_question(night, log)
    decide(first, "A", Kind.REJECT, "")
    answer(first, "B", "left", "")
    night.ticket("B", dependencies=[])
    use(night, {"A": work(log, "A"), "B": work(log, "B")})
    second, _ = night.run()
    landed = second.change("B", 2)
    assert landed and landed.stacked_on == ()
    assert night.git("ls-tree", "--name-only", "agent/B", "A.txt") == ""


def test_a_dependency_that_was_mended_and_approved_later_lets_its_dependent_be_approved(night: Night) -> None:
    first, _ = night.run()
    decide(first, "A", Kind.REQUEST_CHANGES, "mend it")
    second, _ = night.run()
    decide(second, "A", Kind.APPROVE, "")
    assert decide(first, "B", Kind.APPROVE, "").kind is Kind.APPROVE


def test_a_branch_that_was_made_just_before_a_kill_is_taken_up_by_the_next_batch(night: Night) -> None:
    first, _ = night.run()
    commit = night.git("rev-parse", "agent/A")
    for path in first.attempt_folder("A", 1).glob("change.json"):
        path.unlink()
    Repository.open(night.root).add_worktree(first.worktree("A"), commit)
    Path(first.worktree("A") / "A.txt").write_text("1\n")
    interrupt(night, first, A=Outcome(status=Status.RUNNING))
    second, _ = night.run()
    assert statuses(second)["A"] == "completed"
    assert night.git("rev-parse", "agent/A") == commit


def test_a_branch_that_somebody_moved_is_noticed_before_the_agent_works(night: Night) -> None:
    batch = night.begin()
    night.git("branch", "agent/A")
    night.go_on(batch)
    assert batch.state().items["A"].label() == "aborted(infrastructure)"
    assert "was moved" in batch.state().items["A"].message
    assert not (batch.attempt_folder("A", 1) / "trajectory.jsonl").exists()


def test_an_attempt_that_goes_on_is_told_that_its_ticket_was_changed(night: Night, aborted: Batch) -> None:
    night.ticket("A", title="Add A, but in blue")
    second, _ = night.run()
    assert statuses(second)["A"] == "completed"
    said = (second.attempt_folder("A", 1) / "trajectory.jsonl").read_text()
    assert said.count("The ticket was changed meanwhile") == 1
    assert "but in blue" in said


def test_a_failed_ticket_whose_text_was_mended_is_tried_again(night: Night) -> None:
    (night.root / "tickets" / "B.md").unlink()
    night.settings("exit 3")
    first, _ = night.run()
    assert statuses(first) == {"A": "failed(error)"}
    with pytest.raises(BadInput, match="retry-failed"):
        collect(str(night.root), first.settings()).refuse_if(strict=False)
    night.ticket("A", title="Add A, this time clearly")
    night.settings("echo x > $NIGHTWORK_TICKET.txt")
    second, _ = night.run()
    assert (statuses(second), second.state().items["A"].attempt) == ({"A": "completed"}, 2)


def test_a_clock_that_was_set_back_does_not_change_which_batch_is_the_newest(night: Night, aborted: Batch) -> None:
    manifest = aborted.manifest()
    ahead = manifest.model_copy(update={"created_at": manifest.created_at + timedelta(days=1)})
    save_manifest(ahead, aborted.folder / "manifest.yaml")
    second, _ = night.run()
    assert statuses(second) == {"A": "completed", "B": "completed"}


def test_a_deadline_that_is_over_refuses_a_new_batch(night: Night) -> None:
    night.settings("true", batch={"deadline": "2026-01-01T06:00:00Z"})
    with pytest.raises(BadInput, match="2026-01-01 06:00 UTC is over"):
        night.begin()
    assert not (night.root / ".nightwork" / "batches").exists()


def test_a_half_made_batch_leaves_nothing_to_one_of_the_same_id(night: Night) -> None:
    first = night.begin()
    (first.folder / "manifest.yaml").unlink()
    (first.attempt_folder("A", 1)).mkdir(parents=True)
    (first.attempt_folder("A", 1) / "trajectory.jsonl").write_text('{"kind":"cost","stage":"C2","cost_usd":5}\n')
    first.clear_half_made()
    assert not first.folder.exists()


def test_a_batch_that_lost_its_manifest_is_never_taken_for_a_half_made_one(night: Night) -> None:
    batch, _ = night.run()
    (batch.folder / "manifest.yaml").unlink()
    with pytest.raises(StateError, match="holds work"):
        batch.clear_half_made()


def test_a_checkpoint_that_lost_a_ticket_is_one_clear_error(night: Night, aborted: Batch) -> None:
    state = aborted.state()
    del state.items["B"]
    aborted.save(state)
    for look in (lambda: document_of(aborted), lambda: collect(str(night.root), aborted.settings())):
        with pytest.raises(StateError, match=r"checkpoint.json: does not know B"):
            look()


def test_an_amount_of_money_beyond_all_reason_does_not_spoil_the_checkpoint(night: Night) -> None:
    night.settings("""echo '{"summary": "x", "cost_usd": 1e308}' > $NIGHTWORK_RESULT; echo x > $NIGHTWORK_TICKET.txt""")
    batch, _ = night.run()
    assert 0 < batch.state().items["A"].cost_usd <= 10_000_000


def test_an_id_in_another_case_is_not_worked_on_twice(night: Night) -> None:
    batch, _ = night.run()
    (night.root / "tickets" / "A.md").unlink()
    night.ticket("a")
    with pytest.raises(BadInput, match="knows it as 'A'"):
        collect(str(night.root), batch.settings()).refuse_if(strict=True)


def test_a_branch_that_holds_what_its_ticket_no_longer_asks_for_is_not_gone_on_with(night: Night) -> None:
    first, _ = night.run()
    decide(first, "A", Kind.REJECT, "")
    decide(first, "B", Kind.REQUEST_CHANGES, "without A, please")
    night.ticket("B", dependencies=[])
    with pytest.raises(BadInput, match="its branch holds A, on which it depends no more"):
        collect(str(night.root), first.settings()).refuse_if(strict=False)
