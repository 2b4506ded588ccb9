from __future__ import annotations

import json
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nightwork.agent import Assignment, Clock, CommandAgent, TimedOut
from nightwork.agent.results import Escalation, Plan, Scope, Work
from nightwork.agent_settings import AgentSettings
from nightwork.breaker import Breaker
from nightwork.ledger import Ledger, Limits, OverBudget, Purpose
from nightwork.llm.metered import Account, Patience, WallClock
from nightwork.outcome import Unfinished
from nightwork.sandbox import Unconfined
from nightwork.ticket import Ticket

NOTES = Path(tempfile.gettempdir()) / "nightwork-tests-running"

ESCALATION = {
    "trigger": "data",
    "summary": "drop the table?",
    "context": {"tried": "a", "why": "b", "blocks": "c"},
    "options": [{"name": "keep", "description": "k"}, {"name": "drop", "description": "d"}],
    "recommendation": "keep",
}
HEAD = "import json, os, sys, time\nresult = os.environ['NIGHTWORK_RESULT']\n"


def agent(folder, program, limit_s=30.0, answers=(), account=None, **settings):
    (folder / "w").mkdir(exist_ok=True)
    (folder / "agent.py").write_text(HEAD + program)
    assignment = Assignment(
        ticket=Ticket(id="A-1", title="greet", acceptance_criteria=("hello",), estimated_files=("a.py",)),
        attempt=2,
        worktree=folder / "w",
        trajectory=folder / "log" / "trajectory.jsonl",
        settings=AgentSettings(kind="command", command=(sys.executable, str(folder / "agent.py")), **settings),
        sandbox=Unconfined(NOTES),
        clock=Clock(limit_s),
        answers=answers,
    )
    return CommandAgent(replace(assignment, account=account))


def work(folder, program, check=lambda: [], **more):
    made = agent(folder, program, **more)
    scope = made.scope()
    return made.implement(scope, made.plan(scope), check)


def writes(value):
    return f"json.dump({value!r}, open(result, 'w'))"


def ends(folder, program):
    with pytest.raises(Unfinished) as caught:
        work(folder, program)
    caught.value.outcome.model_dump_json()
    return caught.value.outcome


def test_scope_and_plan_come_from_the_ticket(tmp_path):
    made = agent(tmp_path, "")
    scope = made.scope()
    assert scope == Scope(objective="greet", in_scope=("hello",), affected_files=("a.py",))
    assert isinstance(made.plan(scope), Plan)


def test_an_edit_without_a_word_is_work_under_the_tickets_title(tmp_path):
    found = work(tmp_path, "open('a.py', 'w').write(sys.stdin.read())")
    assert found == Work(summary="greet")
    prompt = (tmp_path / "w" / "a.py").read_text()
    assert "id: A-1" in prompt
    assert "- hello" in prompt


def test_a_json_result_is_the_work(tmp_path):
    result = {"summary": "did it", "changes": ["a"], "remaining": ["b"]}
    assert work(tmp_path, writes(result)) == Work(summary="did it", changes=("a",), remaining=("b",))


def test_an_escalation_waits_and_its_answer_starts_another_round(tmp_path):
    program = "text = sys.stdin.read()\nif 'keep: yes' not in text: " + writes({"escalation": ESCALATION})
    first = work(tmp_path, program)
    assert first == Escalation.model_validate(ESCALATION)
    assert work(tmp_path, "sys.exit(1)") == first
    assert work(tmp_path, program, answers=("keep: yes",)) == Work(summary="greet")


def test_a_round_that_ended_is_not_run_again(tmp_path):
    count = "open('count', 'a').write('x')"
    assert work(tmp_path, count) == work(tmp_path, count)
    assert (tmp_path / "w" / "count").read_text() == "x"


def test_objections_start_further_rounds_and_stop_after_two(tmp_path):
    said = [["red one"], ["red two"], ["red three"]]
    work(tmp_path, "open('prompts', 'a').write(sys.stdin.read() + '=====')", lambda: said.pop(0))
    rounds = (tmp_path / "w" / "prompts").read_text().split("=====")[:-1]
    assert ["red" in text for text in rounds] == [False, True, True]
    assert "red two" in rounds[2]
    assert said == [["red three"]]


def test_a_command_that_fails_is_a_failed_ticket(tmp_path):
    outcome = ends(tmp_path, "print('why'); sys.exit(3)")
    assert outcome.label() == "failed(error)"
    assert "exited 3: why" in outcome.message


def test_a_command_that_is_not_there_is_no_fault_of_the_ticket(tmp_path):
    made = agent(tmp_path, "")
    lost = made.assignment.settings.model_copy(update={"command": ("no-such-command",)})
    object.__setattr__(made.assignment, "settings", lost)
    with pytest.raises(Unfinished) as caught:
        made.implement(made.scope(), made.plan(made.scope()), lambda: [])
    assert caught.value.outcome.label() == "aborted(infrastructure)"


def test_a_command_that_takes_too_long_is_timed_out(tmp_path):
    with pytest.raises(TimedOut):
        work(tmp_path, "time.sleep(60)", limit_s=0.5)


@pytest.mark.parametrize(
    "program",
    [
        "open(result, 'w').write('{')",
        "open(result, 'w').write('[1]')",
        "open(result, 'w').write('')",
        "open(result, 'w').write('[' * 100000)",
        "open(result, 'wb').write(b'\\xff\\xfe')",
        "open(result, 'w').write(' ' * 1_000_001)",
        "open(result, 'w').write('9' * 5000)",
        writes({"summary": ""}),
        writes({"summary": "s", "more": 1}),
        writes({"summary": "\ud800"}),
        writes({"escalation": {}}),
        writes({"escalation": {**ESCALATION, "recommendation": "neither"}}),
        "os.symlink('/etc/passwd', result)",
        pytest.param(
            "os.symlink('/nonexistent', result)",
        ),
        pytest.param(
            "os.symlink(result, result)",
        ),
        pytest.param(
            "os.mkdir(result)",
        ),
    ],
    ids=range(16),
)
def test_a_result_that_cannot_be_used_is_a_failed_ticket(tmp_path, program):
    outcome = ends(tmp_path, program)
    assert outcome.label() == "failed(malformed)"


def test_what_is_wrong_with_a_result_is_told_in_short(tmp_path):
    outcome = ends(tmp_path, "json.dump({f'key{n}': 1 for n in range(50000)}, open(result, 'w'))")
    assert len(outcome.message) < 10_000


def test_a_result_that_is_a_pipe_is_not_waited_for(tmp_path):
    ended = []

    def attempt():
        try:
            work(tmp_path, f"os.mkfifo(result); open({str(tmp_path / 'where')!r}, 'w').write(result)")
        except Exception as error:  # noqa: BLE001
            ended.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(3)
    waited = thread.is_alive()
    if waited:
        with open((tmp_path / "where").read_text(), "w"):  # noqa: PTH123
            pass
        thread.join(3)
    assert not waited
    assert isinstance(ended[0], Unfinished)


def test_the_command_sees_its_ticket_and_what_is_passed_on_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "passed")
    monkeypatch.setenv("OTHER_KEY", "kept")
    work(tmp_path, "json.dump(dict(os.environ), open('env.json', 'w'))", pass_env=("MY_KEY", "NOT_SET"))
    seen = json.loads((tmp_path / "w" / "env.json").read_text())
    assert (seen["NIGHTWORK_TICKET"], seen["NIGHTWORK_ATTEMPT"], seen["MY_KEY"]) == ("A-1", "2", "passed")
    assert "OTHER_KEY" not in seen
    assert "NOT_SET" not in seen


def test_a_round_waits_while_others_hold_what_may_become_free(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    breaker = Breaker(tmp_path / "providers.sqlite", "none", WallClock())
    account = Account(ledger, "night", Limits(batch_usd=1.0), lambda _: breaker, Patience(0.0), parallel=2)
    others = ledger.reserve(Purpose("night", "B", "C2", "x"), 1.0, account.limits)
    timer = threading.Timer(0.5, lambda: ledger.settle(others, 0.2))
    timer.start()
    found = work(tmp_path, writes({"summary": "done", "cost_usd": 0.3}), account=account)
    timer.join()
    assert found.summary == "done"
    assert ledger.spent_usd("night") == pytest.approx(0.5)
    ledger.settle(ledger.reserve(Purpose("night", "B", "C2", "x"), 0.5, account.limits), 0.5)
    with pytest.raises(OverBudget):
        work(tmp_path / "w", writes({"summary": "done"}), account=account)
