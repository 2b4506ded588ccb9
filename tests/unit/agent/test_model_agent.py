from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from nightwork.agent import Assignment, Clock
from nightwork.agent.model import ModelAgent
from nightwork.agent.results import Escalation, Trigger, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.agent_settings import AgentSettings
from nightwork.errors import ScriptExhausted
from nightwork.llm import ScriptedModel
from nightwork.outcome import Unfinished
from nightwork.sandbox import Unconfined
from nightwork.ticket import Ticket

NOTES = Path(tempfile.gettempdir()) / "nightwork-tests-running"

SCOPE = {"submit_scope": {"objective": "greet", "in_scope": ["hello"]}}
PLAN = {"submit_plan": {"approach": "write it"}}
WORK = {"submit_work": {"summary": "greet people"}}
VIEW = {"view": {"path": "a.txt"}}
ESCALATE = {
    "escalate": {
        "trigger": "architecture",
        "summary": "which way?",
        "context": {"tried": "a", "why": "b", "blocks": "c"},
        "options": [{"name": "left", "description": "l"}, {"name": "right", "description": "r"}],
        "recommendation": "left",
    }
}
EDIT = {"edit": {"path": "a.txt", "old": "one", "new": "one one"}}
RUN = {"run": {"command": ["true"]}}
BAD = {"submit_scope": {"objective": ""}}


class Counted(ScriptedModel):
    """The scripted model, which holds every request against the rules of the Messages API."""

    def __init__(self, path, asked):
        super().__init__(path)
        self.asked = asked

    def complete(self, request):
        roles = [message.role for message in request.messages]
        assert roles == (["user", "assistant"] * len(roles))[: len(roles)]
        assert roles[-1] == "user"
        for before, message in zip(request.messages, request.messages[1:], strict=False):
            if message.role == "user":
                assert message.text or message.results
                assert {r.call_id for r in message.results} == {call.id for call in before.calls}
        self.asked.append((request.stage, request.turn))
        return super().complete(request)


class Bench:
    """One attempt with a script; each run makes agent and model anew."""

    def __init__(self, folder, script, objections=(), **settings):
        self.folder, self.asked, self.settings = folder, [], AgentSettings(model="scripted:s", **settings)
        self.objections = list(objections)
        self.checks = 0
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "script.yaml").write_text(json.dumps({"A-1": script}))
        (folder / "w").mkdir(exist_ok=True)
        (folder / "w" / "a.txt").write_text("one\n")
        self.path = folder / "log" / "trajectory.jsonl"
        self.path.parent.mkdir(exist_ok=True)

    def check(self):
        self.checks += 1
        fixed = Trajectory(self.path).count("C2", "result", fix_round=True)
        return self.objections[fixed] if fixed < len(self.objections) else []

    def run(self, *answers):
        """Pass through the stages like the steps of a flow, an agent for each; returns the last result."""
        assignment = Assignment(
            ticket=Ticket(id="A-1", title="greet"),
            attempt=1,
            worktree=self.folder / "w",
            trajectory=self.path,
            settings=self.settings,
            sandbox=Unconfined(NOTES),
            clock=Clock(60),
            answers=answers,
        )

        def agent():
            return ModelAgent(Counted(self.folder / "script.yaml", self.asked), assignment)

        scope = agent().scope()
        if isinstance(scope, Escalation):
            return scope
        plan = agent().plan(scope)
        if isinstance(plan, Escalation):
            return plan
        return agent().implement(scope, plan, self.check)

    def lines(self):
        return self.path.read_bytes().splitlines(keepends=True)


HAPPY = {"C0": [[VIEW], [SCOPE]], "C1": [[PLAN]], "C2": [[EDIT, RUN], [WORK]]}


def test_an_attempt_passes_from_scope_to_work(tmp_path):
    bench = Bench(tmp_path, HAPPY)
    assert bench.run() == Work(summary="greet people")
    assert bench.asked == [("C0", 0), ("C0", 1), ("C1", 0), ("C2", 0), ("C2", 1)]
    assert (tmp_path / "w" / "a.txt").read_text() == "one one\n"
    assert bench.run() == Work(summary="greet people")
    assert len(bench.asked) == 5


SCRIPTS = {
    "happy": (HAPPY, []),
    "text first": ({**HAPPY, "C0": ["Let me think.", [VIEW], [SCOPE]]}, []),
    "malformed once": ({**HAPPY, "C0": [[BAD], [VIEW], [SCOPE]]}, []),
    "fix rounds": ({**HAPPY, "C2": [[EDIT], [WORK], [RUN], [WORK, RUN], [WORK]]}, [["red"], ["red"]]),
    "others beside a submit": ({**HAPPY, "C0": [[VIEW, SCOPE, VIEW]]}, []),
    "wrong ending": ({**HAPPY, "C0": [[WORK, EDIT], [SCOPE]]}, []),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_killed_after_any_record_ends_the_same_and_repeats_no_call_of_the_model(tmp_path, name):
    script, objections = SCRIPTS[name]
    whole = Bench(tmp_path / "whole", script, objections)
    expected = whole.run()
    lines = whole.lines()
    wrong = []
    for cut in range(len(lines)):
        bench = Bench(tmp_path / str(cut), script, objections)
        bench.path.write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        answered = sum(json.loads(line)["kind"] == "assistant" for line in lines[:cut])
        if any(b'"call_id":"C2-0-0"' in line and b'"kind":"result"' in line for line in lines[:cut]):
            (bench.folder / "w" / "a.txt").write_text("one one\n")
        last = json.loads(lines[cut - 1])["kind"] if cut else "nothing"
        try:
            same = bench.run() == expected
        except (Unfinished, ScriptExhausted, AssertionError) as error:
            wrong.append((cut, last, repr(error)[:200]))
            continue
        if not same or bench.asked != whole.asked[answered:]:
            wrong.append((cut, last, bench.asked))
        assert (bench.folder / "w" / "a.txt").read_text() == "one one\n"
    assert not wrong


def test_a_call_beside_a_submit_is_answered_and_not_carried_out(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C2": [[WORK, EDIT]]})
    assert isinstance(bench.run(), Work)
    assert (tmp_path / "w" / "a.txt").read_text() == "one\n"
    assert Trajectory(bench.path).pending_calls() == []


@pytest.mark.parametrize("stage", ["C0", "C1", "C2"])
def test_an_escalation_waits_for_its_answer_and_then_goes_on(tmp_path, stage):
    script = {**HAPPY, stage: [[VIEW, ESCALATE, VIEW], *HAPPY[stage]]}
    bench = Bench(tmp_path, script)
    first = bench.run()
    assert (first.trigger, first.recommendation) == (Trigger.ARCHITECTURE, "left")
    asked = list(bench.asked)
    assert bench.run() == first
    assert bench.asked == asked
    assert bench.run("left: go left") == Work(summary="greet people")
    said = [r.text for m in Trajectory(bench.path).messages() for r in m.results]
    assert sum("left: go left" in text for text in said) == 1


def test_each_escalation_takes_its_own_answer(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C0": [[ESCALATE], [ESCALATE], [SCOPE]]})
    assert isinstance(bench.run(), Escalation)
    assert isinstance(bench.run("left"), Escalation)
    assert isinstance(bench.run("left", "right"), Work)


def test_an_escalation_beside_a_submit_is_not_lost(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C0": [[SCOPE, ESCALATE]]})
    assert isinstance(bench.run(), Escalation)


def test_a_submit_beside_an_escalation_does_not_end_the_stage_before_the_answer_was_read(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C0": [[ESCALATE, SCOPE], [SCOPE]]})
    assert isinstance(bench.run(), Escalation)
    assert isinstance(bench.run("left"), Work)
    assert ("C0", 1) in bench.asked


def test_the_iteration_limit_escalates_and_an_answer_allows_as_many_turns_again(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C0": [[VIEW]] * 5 + [[SCOPE]]}, max_turns=2)
    first = bench.run()
    assert first.trigger is Trigger.ITERATION_LIMIT
    assert bench.asked == [("C0", 0), ("C0", 1)]
    assert bench.run() == first
    assert bench.run("continue").trigger is Trigger.ITERATION_LIMIT
    assert len(bench.asked) == 4
    assert isinstance(bench.run("continue", "continue"), Work)


@pytest.mark.parametrize(
    "turns",
    [[[BAD], [BAD]], ["text", "text"], ["text", [BAD]], [[{"escalate": {}}], [BAD]]],
    ids=["bad", "text", "mixed", "escalation"],
)
def test_an_unusable_answer_is_asked_for_once_more_and_then_the_ticket_failed(tmp_path, turns):
    bench = Bench(tmp_path, {**HAPPY, "C0": [*turns, [SCOPE]]})
    with pytest.raises(Unfinished) as caught:
        bench.run()
    assert caught.value.outcome.label() == "failed(malformed)"
    assert len(bench.asked) == 2


def test_a_good_answer_between_bad_ones_forgives(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C0": [[BAD], [VIEW], [BAD], [SCOPE]]})
    assert isinstance(bench.run(), Work)


def test_the_gates_objections_come_back_twice_and_no_more(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C2": [[WORK]] * 3}, [["red one"], ["red two"], ["red three"]])
    assert isinstance(bench.run(), Work)
    assert bench.checks == 2
    said = "".join(r.text for m in Trajectory(bench.path).messages() for r in m.results)
    assert "red one" in said
    assert "red two" in said
    assert "red three" not in said


def test_unfinished_work_is_not_sent_to_the_gates(tmp_path):
    bench = Bench(
        tmp_path, {**HAPPY, "C2": [[{"submit_work": {"summary": "s", "remaining": ["the rest"]}}]]}, [["red"]]
    )
    assert bench.run().remaining == ("the rest",)
    assert bench.checks == 0


def test_reading_stages_do_not_write(tmp_path):
    bench = Bench(tmp_path, {**HAPPY, "C0": [[EDIT, {"run": {"command": ["rm", "a.txt"]}}], [SCOPE]]})
    bench.run()
    assert (tmp_path / "w" / "a.txt").read_text() == "one one\n"


def test_a_script_that_runs_out_is_an_error_of_the_model(tmp_path):
    with pytest.raises(ScriptExhausted, match="no turn 2 for A-1 C0"):
        Bench(tmp_path, {**HAPPY, "C0": [[VIEW]]}).run()
