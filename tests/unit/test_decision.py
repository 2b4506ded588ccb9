from __future__ import annotations

import subprocess
import sys

import pytest

from nightwork.decision import Decision, DecisionLog, Kind
from nightwork.errors import StateError


def decide(kind=Kind.APPROVE, ticket="A", attempt=1, **more):
    return Decision(ticket=ticket, attempt=attempt, kind=kind, **more)


def test_the_first_decision_on_an_attempt_holds(tmp_path):
    log = DecisionLog(tmp_path / "d" / "decisions.jsonl")
    first = decide(Kind.REJECT, message="no")
    assert log.take(first) == first
    assert log.take(decide(Kind.APPROVE)) == first
    assert log.verdict_on("A", 1) == first
    assert log.all() == [first]


@pytest.mark.parametrize(
    "other",
    [
        decide(ticket="B"),
        decide(attempt=2),
        decide(Kind.ANSWER, option="x"),
        decide(Kind.ANSWER, option="x", escalation=1),
    ],
    ids=["ticket", "attempt", "answer", "second answer"],
)
def test_a_decision_on_something_else_is_taken_as_well(tmp_path, other):
    log = DecisionLog(tmp_path / "decisions.jsonl")
    log.take(decide())
    assert log.take(other) == other
    assert len(log.all()) == 2


def test_answers_come_in_the_order_of_their_escalations(tmp_path):
    log = DecisionLog(tmp_path / "decisions.jsonl")
    for number in (1, 0):
        log.take(decide(Kind.ANSWER, option=f"o{number}", escalation=number))
    log.take(decide(Kind.ANSWER, option="again", escalation=1))
    assert [answer.option for answer in log.answers("A", 1)] == ["o0", "o1"]
    assert log.verdict_on("A", 1) is None


def test_nothing_decided_is_nothing(tmp_path):
    log = DecisionLog(tmp_path / "decisions.jsonl")
    assert (log.all(), log.verdict_on("A", 1), log.answers("A", 1)) == ([], None, [])


@pytest.mark.parametrize(
    "line",
    [
        pytest.param('{"ticket":"A"}'),
        pytest.param(
            '{"ticket":"A","attempt":1,"kind":"maybe"}',
        ),
        "[1]",
        '{"ticket":"A","attempt":1,"kind":"approve","at":"9999-12-31T23:59:59-12:00"}',
        '{"ticket":"A","attempt":1,"kind":"approve","at":"0001-01-01T00:00:00+12:00"}',
    ],
)
def test_a_line_that_is_no_decision_is_told_with_its_path(tmp_path, line):
    path = tmp_path / "decisions.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(StateError, match=r"decisions\.jsonl"):
        DecisionLog(path).all()


PROGRAM = """
import sys
from pathlib import Path
from nightwork.decision import Decision, DecisionLog, Kind
log = DecisionLog(Path(sys.argv[1]))
sys.stdin.readline()
print(log.take(Decision(ticket="A", attempt=1, kind=Kind.APPROVE, by=sys.argv[2])).by)
"""


def test_of_twenty_processes_that_decide_at_once_one_wins_and_all_are_told(tmp_path):
    path = tmp_path / "decisions.jsonl"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), f"p{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(20)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    told = {process.communicate()[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0] * 20
    assert told == {decision.by for decision in DecisionLog(path).all()}
    assert len(told) == 1
