"""At midday only what was answered goes on, and what waited for nothing else."""

from __future__ import annotations

import json
from typing import Any

from nightwork.batch import Batch
from nightwork.outcome import Outcome, Reason, Status
from nightwork.stages.earlier import answered, with_answers
from nightwork.stages.review import answer

Night = Any
STEPS: dict[str, Any] = {
    "C0": [[{"submit_scope": {"objective": "o", "in_scope": ["o"]}}]],
    "C1": [[{"submit_plan": {"approach": "a"}}]],
}
OPTION = {"description": "d", "pros": ["p"], "cons": ["c"], "risk": "low"}
ASK = {
    "trigger": "uncertainty",
    "summary": "which one?",
    "context": {"tried": "t", "why": "w", "blocks": "b"},
    "options": [{"name": name, **OPTION} for name in ("left", "right")],
    "recommendation": "left",
}


def steps(name: str, *before: Any) -> dict[str, Any]:
    edit = [{"edit": {"path": f"{name}.txt", "old": "", "new": "new\n"}}]
    return {**STEPS, "C2": [*before, edit, [{"submit_work": {"summary": f"add {name}"}}]]}


def asked(night: Night) -> Batch:
    """Return a batch in which A and X ask, B waits for A, Y for A and X, and Z was aborted."""
    ask = [{"escalate": ASK}]
    script = {"A": steps("A", ask), "X": steps("X", ask)} | {name: steps(name) for name in ("B", "Y", "Z")}
    night.write("script.yaml", json.dumps(script))
    gate = {"name": "tests", "measures": "tests", "command": ["true"]}
    night.write("nightwork.yaml", json.dumps({"agent": {"model": "scripted:script.yaml"}, "gates": [gate]}))
    for name, dependencies in (("X", []), ("Y", ["A", "X"]), ("Z", [])):
        night.ticket(name, dependencies=dependencies)
    night.commit()
    batch, _ = night.run()
    state = batch.state()
    state.items["Z"] = Outcome(status=Status.ABORTED, reason=Reason.BUDGET)
    batch.save(state)
    return batch


def labels(batch: Batch) -> dict[str, str]:
    return {name: outcome.label() for name, outcome in batch.state().items.items()}


def test_nothing_goes_on_before_there_is_an_answer(night: Night) -> None:
    batch = asked(night)
    assert answered(batch) == frozenset()
    assert with_answers(night.root) == []


def test_only_what_was_answered_and_what_waited_for_nothing_else_goes_on(night: Night) -> None:
    batch = asked(night)
    answer(batch, "A", "right", "because")
    assert answered(batch) == {"A", "B"}
    night.go_on(batch, answered_only=True)
    assert labels(batch) == {
        "A": "completed",
        "B": "completed",
        "X": "escalated(uncertainty)",
        "Y": "skipped(dependency)",
        "Z": "aborted(budget)",
    }
    assert batch.judgement("B", 1) is not None
    assert with_answers(night.root) == []


def test_what_waits_for_an_answer_and_a_question_waits_for_both(night: Night) -> None:
    batch = asked(night)
    answer(batch, "A", "right", "because")
    night.go_on(batch, answered_only=True)
    answer(batch, "X", "left", "because")
    assert answered(batch) == {"X", "Y"}


def test_a_run_that_died_after_it_began_goes_on_with_the_same_tickets(night: Night) -> None:
    batch = asked(night)
    answer(batch, "A", "right", "because")
    state = batch.state()
    state.items |= {name: Outcome(status=Status.PENDING) for name in ("A", "B")}
    batch.save(state)
    assert answered(batch) == {"A", "B"}
