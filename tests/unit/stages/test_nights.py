"""What a batch and the decisions on it come to, over one night and the next."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from nightwork.database import sqlite
from nightwork.decision import Kind
from nightwork.doctor import examine
from nightwork.errors import BadInput, Infrastructure
from nightwork.lock import hold
from nightwork.manifest import BatchStatus, save_manifest
from nightwork.markdown import escape
from nightwork.outcome import Outcome, Reason, Status, Verdict
from nightwork.review.markdown import artifact
from nightwork.review.page import page
from nightwork.review.terminal import render
from nightwork.stages import gates, generation, ticket
from nightwork.stages.intake import collect
from nightwork.stages.review import decide, document_of, review

Night = Any
OPEN = {"confine": False}  # for commands that write outside of their worktree
FIX = 'echo "$NIGHTWORK_ATTEMPT" >> "$NIGHTWORK_TICKET.txt"; '


def row(document, ticket):
    return next(row for row in document.queue if row.ticket == ticket)


@pytest.mark.parametrize("kind", [Kind.REJECT, Kind.REQUEST_CHANGES])
def test_what_stands_on_a_change_that_was_sent_back_is_not_ready(night: Night, kind: Kind) -> None:
    batch, document = night.run()
    assert [row(document, name).ready for name in "AB"] == [True, True]
    decide(batch, "A", kind, "no")
    found = row(document_of(batch), "B")
    assert (found.ready, found.verdict, found.blocked_by) == (False, Verdict.BLOCKED_BY, "A")
    assert not [step for step in document_of(batch).next_steps if "decide B approve" in step]


def test_a_stacked_branch_is_approved_only_after_what_it_stands_on(night: Night) -> None:
    batch, document = night.run()
    steps = [step.split("  #")[0] for step in document.next_steps]
    assert steps == ["nightwork decide A approve", "nightwork decide B approve"]
    with pytest.raises(BadInput, match="approve A first"):
        decide(batch, "B", Kind.APPROVE, "")
    decide(batch, "A", Kind.APPROVE, "")
    decide(batch, "B", Kind.APPROVE, "")
    assert batch.manifest().status is BatchStatus.REVIEWED


def test_requested_changes_outlive_a_failed_attempt(night: Night) -> None:
    first, _ = night.run()
    decide(first, "A", Kind.REQUEST_CHANGES, "name it better")
    decide(first, "B", Kind.REJECT, "")
    night.settings("exit 3")
    second, document = night.run()
    assert document.counts[Status.FAILED] == 1
    night.settings(FIX + "grep -q 'name it better' || exit 4")
    document = night.go_on(second, retry_failed=True)
    assert document.counts[Status.COMPLETED] == 1
    landed, before = second.change("A", 3), first.change("A", 1)
    assert landed and before and landed.parent == before.commit
    assert landed.origin == before.origin


def test_requested_changes_outlive_a_night_in_which_the_ticket_was_skipped(night: Night) -> None:
    first, _ = night.run()
    decide(first, "A", Kind.REQUEST_CHANGES, "mend A")
    decide(first, "B", Kind.REQUEST_CHANGES, "mend B")
    night.settings("exit 3")
    second, _ = night.run()
    assert second.state().items["B"].status is Status.SKIPPED
    night.settings(FIX)
    night.go_on(second, retry_failed=True)
    assert second.state().items["B"].status is Status.COMPLETED
    assert "mend B" in (second.attempt_folder("B", 2) / "trajectory.jsonl").read_text()


def test_a_stack_that_was_sent_back_whole_is_built_up_again(night: Night) -> None:
    first, _ = night.run()
    decide(first, "A", Kind.REQUEST_CHANGES, "mend A")
    decide(first, "B", Kind.REQUEST_CHANGES, "mend B")
    second, document = night.run()
    assert [row(document, name).verdict for name in "AB"] == [Verdict.PASSED, Verdict.PASSED]
    assert night.git("merge-base", "agent/A", "agent/B") == night.git("rev-parse", "agent/A")
    assert night.git("show", "agent/B:A.txt").split() == ["1", "2"]
    assert second.change("B", 2).files[0].path == "B.txt"


def test_a_veto_cannot_be_laundered_by_requested_changes(night: Night) -> None:
    night.settings(FIX + "touch bad.txt", {"tests": "test ! -e bad.txt"})
    first, document = night.run()
    assert row(document, "A").verdict is Verdict.VETOED
    decide(first, "A", Kind.REQUEST_CHANGES, "mend it")
    decide(first, "B", Kind.REJECT, "")
    night.settings(FIX, {"tests": "test ! -e bad.txt"})
    _, document = night.run()
    assert row(document, "A").verdict is Verdict.VETOED


def test_money_of_failed_rounds_counts_towards_the_budget(night: Night) -> None:
    for name in ("A", "B"):
        night.ticket(name)
    night.settings("""echo '{"summary": "x", "cost_usd": 5}' > $NIGHTWORK_RESULT; exit 3""")
    batch, document = night.run(budget_usd=4, parallel_agents=1)
    outcomes = batch.state().items
    assert sorted(o.reason for o in outcomes.values()) == [Reason.BUDGET, Reason.ERROR]
    assert document.cost_usd == 5
    document = night.go_on(batch, retry_failed=True)
    assert (document.cost_usd, document.status) == (5, BatchStatus.ABORTED)
    document = night.go_on(batch, budget_usd=100)
    assert document.cost_usd == 15


def test_a_batch_that_met_its_deadline_is_resumed_without_it(night: Night) -> None:
    batch = night.begin()
    manifest = batch.manifest()
    past = manifest.config.model_copy(update={"deadline": datetime.now(UTC) - timedelta(seconds=1)})
    save_manifest(manifest.model_copy(update={"config": past}), batch.folder / "manifest.yaml")
    document = night.go_on(batch)
    assert document.counts[Status.COMPLETED] == 2


def test_a_status_that_a_kill_left_behind_is_brought_up_to_date(night: Night) -> None:
    batch, _ = night.run()
    batch.tell_manifest(batch.state(), BatchStatus.RUNNING)
    assert not generation.has_work(batch, retry_failed=False)
    assert review(str(night.root), batch.id).status is BatchStatus.COMPLETED
    assert batch.manifest().status is BatchStatus.COMPLETED


def test_tests_that_vanish_are_flagged_and_never_ready(night: Night) -> None:
    report = (
        "import pathlib, sys; names = pathlib.Path('names').read_text().split(); cases = ''.join("
        'f\'<testcase classname="t" name="{n}"/>\' for n in names); '
        'print(f\'<testsuite name="t" tests="{len(names)}">{cases}</testsuite>\')'
    )
    night.write("names", "one\ntwo\n")
    gate = {"name": "tests", "measures": "tests", "command": ["python3", "-c", report], "report": "junit"}
    agent = {"kind": "command", "command": ["sh", "-c", "echo one > names"]}
    night.write("nightwork.yaml", json.dumps({"agent": agent, "gates": [gate]}))
    night.commit()
    _, document = night.run()
    found = row(document, "A")
    assert found.verdict is Verdict.PASSED
    assert "tests_lost" in found.flags
    assert not found.ready


def test_a_change_with_a_deceiving_flag_is_never_ready_and_every_form_says_where(night: Night) -> None:
    night.settings("echo 'x = 1  # noqa: <b>' > $NIGHTWORK_TICKET.py")
    night.commit()
    batch, document = night.run()
    found = row(document, "A")
    assert (found.verdict, found.score, found.ready) == (Verdict.PASSED, 100.0, False)
    assert found.remarks == ("suppression_added: A.py:1 `# noqa: <b>`",)
    console = Console(file=io.StringIO(), width=120)
    console.print(render(document, 120))
    assert "suppression_added: A.py:1 `# noqa: <b>`" in console.file.getvalue()
    assert "suppression_added: A.py:1 `# noqa: &lt;b&gt;`" in page(document)
    assert escape("suppression_added: A.py:1 `# noqa: <b>`") in artifact(document)
    assert escape("suppression_added: A.py:1") in gates.results(batch.ref(batch.state(), "A"))


def test_the_lines_that_a_change_adds_must_have_been_run(night: Night) -> None:
    tests = "printf 'SF:%s\\nDA:1,1\\nDA:2,0\\n' \"$PWD/A.py\" > lcov.info"
    gate = {"name": "tests", "measures": "tests", "command": ["sh", "-c", tests], "coverage_path": "lcov.info"}
    agent = {"kind": "command", "command": ["sh", "-c", "printf 'x = 1\\ny = 2\\n' > $NIGHTWORK_TICKET.py"]}
    night.ticket("B")
    night.write("nightwork.yaml", json.dumps({"agent": agent, "gates": [{**gate, "min_coverage": 50}]}))
    night.commit()
    batch, document = night.run()
    assert row(document, "A").gates[0].detail == "1 passed, 50 % of 2 changed lines covered"
    assert row(document, "A").verdict is Verdict.PASSED
    assert row(document, "B").vetoes == ("tests: 1 passed, 0 % of 2 changed lines covered, less than 50 %: B.py:1-2",)
    assert "Not covered: A.py:2" in gates.results(batch.ref(batch.state(), "A"))


def test_a_change_cannot_hide_files_from_a_gate_with_an_ignore_list(night: Night) -> None:
    lint = "test -z \"$(grep -rl BAD --include='*.py' $(cat .gitignore >/dev/null 2>&1 && echo none || echo .))\""
    edit = "echo BAD > a.py; echo a.py > .gitignore; git add -f a.py; true"
    night.settings(edit, {"lint": lint}, policy={"hold": []}, sandbox=OPEN)
    night.commit()
    _, document = night.run()
    assert row(document, "A").verdict is Verdict.VETOED
    assert "gate_config_changed" in row(document, "A").flags


def test_a_gate_that_could_not_run_on_the_base_is_measured_anew(night: Night) -> None:
    tool = night.root.parent / "tool"
    night.settings(FIX, {"tests": "true"})
    data = json.loads((night.root / "nightwork.yaml").read_text())
    data["gates"][0]["command"] = [str(tool)]
    night.write("nightwork.yaml", json.dumps(data))
    batch = night.begin()
    assert "could not run" in batch.intake().red_on_base[0]
    tool.write_text("#!/bin/sh\nexit 0\n")
    tool.chmod(0o755)
    document = night.go_on(batch)
    assert row(document, "A").verdict is Verdict.PASSED


def test_the_users_own_worktrees_stay_known_while_they_are_out_of_reach(night: Night) -> None:
    own, away = night.root.parent / "own", night.root.parent / "away"
    night.git("worktree", "add", "--quiet", str(own))
    own.rename(away)
    night.run()
    away.rename(own)
    assert str(own) in night.git("worktree", "list")
    assert night.git("-C", str(own), "status", "--porcelain") == ""


def test_a_ticket_that_waits_in_an_earlier_batch_is_left_out_of_the_next(night: Night) -> None:
    night.run()
    selection = collect(str(night.root), night.newest().settings())
    assert [row.ticket for row in selection.left_out] == ["A", "B"]
    assert all("waits for a decision" in row.reasons[0] for row in selection.left_out)


def test_a_run_does_not_start_on_a_disk_that_is_almost_full(night: Night) -> None:
    night.settings(FIX, batch={"min_free_mb": 10**9})
    with pytest.raises(Infrastructure, match="make room"):
        night.run()
    assert not (night.root / ".nightwork").exists()


def test_a_ticket_that_landed_and_is_not_in_the_checkpoint_is_published_and_not_worked_on_again(night: Night) -> None:
    batch, _ = night.run()
    commit = night.git("rev-parse", "agent/A")
    state = batch.state()
    for name in "AB":
        state.items[name] = Outcome(status=Status.RUNNING)
    batch.save(state)
    (batch.folder / "merge_requests" / "A.md").unlink()
    night.settings("exit 7")  # an agent that is started again would fail
    document = night.go_on(batch)
    assert document.counts[Status.COMPLETED] == 2
    assert night.git("rev-parse", "agent/A") == commit
    assert (batch.folder / "merge_requests" / "A.md").exists()


def test_the_doctor_says_that_a_run_is_under_way_and_leaves_it_alone(night: Night) -> None:
    holder = "import sys, time; from pathlib import Path; from nightwork.lock import hold\n"
    holder += "with hold(Path(sys.argv[1]), 'a test'):\n    print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holder, str(night.root)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout and other.stdout.readline() == b"held\n"
            gates = [check for check in examine(night.root) if check.name == "gates"]
            assert [check.status for check in gates] == ["note"]
            assert "under way" in gates[0].found
            assert not (night.root / ".nightwork" / "worktrees").exists()
        finally:
            other.kill()


def test_a_gate_that_cannot_run_on_the_base_is_tried_once_a_stage_and_not_once_a_ticket(night: Night) -> None:
    log = night.root.parent / "tried"
    for name in "CDE":
        night.ticket(name)
    night.settings(FIX, {"tests": "true"}, sandbox=OPEN)
    data = json.loads((night.root / "nightwork.yaml").read_text())
    data["gates"][0] |= {"command": ["sh", "-c", f"echo x >> {log}; sleep 60"], "timeout": "1s"}
    data["agent"]["fix_rounds"] = 0
    data["batch"] = {"parallel_agents": 4}
    night.write("nightwork.yaml", json.dumps(data))
    (night.root / "tickets" / "B.md").unlink()
    batch = night.begin()
    on_base = len(log.read_text().split())
    night.go_on(batch)
    assert on_base == 1
    assert len(log.read_text().split()) <= 1 + 1 + 4 + 4  # once more on the base, and on each change


def test_a_ticket_that_ends_while_the_ledger_is_locked_is_kept_and_the_night_goes_on(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE_S", 0.2)
    batch = night.begin()
    work = (ticket.scope, ticket.plan, ticket.implement, ticket.publish)
    ledger = batch.state_folder / "ledger.sqlite"
    with (
        hold(night.root, "a test"),
        ThreadPoolExecutor(4) as pool,
        closing(sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)) as somebody,
    ):

        def work_on(ref: Any) -> Outcome:
            outcome = ticket.generate_ticket(ref, *work)
            if ref.ticket == "A":
                somebody.execute("BEGIN IMMEDIATE")
            return outcome

        state = generation.run_tickets(batch, lambda ref: pool.submit(work_on, ref))
    assert batch.state() == state
    assert state.items["A"].status is Status.COMPLETED
    assert state.items["B"].label() == "aborted(infrastructure)"
    night.go_on(batch)
    assert [outcome.status for outcome in batch.state().items.values()] == [Status.COMPLETED] * 2
