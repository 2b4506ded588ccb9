"""What is asked of a person over whole nights: each trigger, what the answers do, and that nothing is asked twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nightwork.decision import Kind
from nightwork.errors import BadInput
from nightwork.outcome import Status
from nightwork.stages.review import answer, decide, document_of

Night = Any
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["rich"]\n'


@pytest.fixture
def lone(night: Night) -> Night:
    """Return a night with the ticket A alone."""
    (night.root / "tickets/B.md").unlink()
    return night


def asked(night: Night, command: str, **settings: Any) -> tuple[Any, Any]:
    night.settings(command, **settings)
    night.commit()
    batch, document = night.run()
    assert document.counts[Status.ESCALATED] == 1, document.failed
    assert night.git("branch", "--list", "agent/*") == ""
    return batch, document.escalations[0]


def landed(night: Night, batch: Any) -> list[str]:
    change = batch.change("A", batch.state().items["A"].attempt)
    return [file.path for file in change.files] if change else []


@pytest.mark.parametrize(
    ("trigger", "command"),
    [
        ("architecture", "sed -i 's/\"rich\"/\"rich\", \"left-pad\"/' pyproject.toml"),
        ("security", "mkdir -p .github/workflows; echo on: push > .github/workflows/x.yml"),
        ("security", "mkdir -p src/auth; echo x > src/auth/check.py"),
        ("data", "mkdir -p app/migrations; echo x > app/migrations/0001_initial.py"),
        ("data", "echo 'ALTER TABLE orders ADD price int;' > more.sql"),
        ("compatibility", "sed -i '/def old/,$d' shop.py"),
    ],
)  # fmt: skip
def test_a_change_that_needs_a_person_waits_for_one_and_is_published_on_a_word(
    lone: Night, trigger: str, command: str
) -> None:
    lone.write("pyproject.toml", PYPROJECT)
    lone.write("shop.py", "def new():\n    return 1\n\n\ndef old():\n    return 0\n")
    more = {"gate_config": [], "policy": {"hold": ["ci"]}}
    batch, row = asked(lone, f"{command}; echo x > fine.txt", **more)
    assert row.trigger == trigger
    assert len(row.options) >= 2
    assert row.recommendation in {option.name for option in row.options}
    assert lone.git("rev-parse", "refs/nightwork/wip/A")
    answer(batch, "A", "publish", "fine")
    document = lone.go_on(batch)
    assert document.counts[Status.COMPLETED] == 1
    assert "fine.txt" in landed(lone, batch)
    assert "decided: publish: fine" in (batch.folder / "merge_requests/A.md").read_text().replace("\\", "")


def test_what_is_left_out_never_was_on_the_branch(lone: Night) -> None:
    batch, _ = asked(lone, "mkdir -p .github; echo x > .github/a.yml; echo x > fine.txt")
    answer(batch, "A", "leave-out", "")
    lone.go_on(batch)
    assert landed(lone, batch) == ["fine.txt"]
    assert lone.git("log", "--all", "--oneline", "--", ".github/a.yml", "refs/heads") == ""


def test_with_everything_in_question_nothing_can_be_left_out(lone: Night) -> None:
    _, row = asked(lone, "mkdir -p .github; echo x > .github/a.yml")
    assert [option.name for option in row.options] == ["publish", "rework"]


def test_the_agent_is_given_its_work_back_with_what_was_said(lone: Night) -> None:
    command = (
        "if grep -q 'elsewhere' ; then rm -r .github; echo x > fine.txt; else mkdir .github; echo x > .github/a; fi"
    )
    batch, _ = asked(lone, command + "; echo $NIGHTWORK_ATTEMPT >> runs.txt")
    answer(batch, "A", "rework", "put it elsewhere")
    lone.go_on(batch)
    assert landed(lone, batch) == ["fine.txt", "runs.txt"]
    assert lone.git("show", "agent/A:runs.txt").split() == ["1", "1"]


def test_a_word_about_publishing_runs_no_agent_again(lone: Night) -> None:
    batch, _ = asked(lone, "mkdir .github; echo x >> .github/a; echo x >> count")
    answer(batch, "A", "publish", "")
    lone.go_on(batch)
    assert lone.git("show", "agent/A:count") == "x"


def test_another_content_at_an_approved_place_is_asked_again(lone: Night) -> None:
    command = "mkdir -p .github; echo $NIGHTWORK_ATTEMPT >> .github/a; echo x >> fine.txt"
    batch, _ = asked(lone, command)
    answer(batch, "A", "publish", "")
    lone.go_on(batch)
    decide(batch, "A", Kind.REQUEST_CHANGES, "more")
    _, document = lone.run()
    assert document.counts[Status.ESCALATED] == 1


def test_what_was_answered_once_is_not_asked_in_a_later_attempt(lone: Night) -> None:
    command = "mkdir -p src/auth; echo $NIGHTWORK_ATTEMPT >> src/auth/check.sh; echo x >> fine.txt"
    batch, _ = asked(lone, command)
    answer(batch, "A", "publish", "")
    lone.go_on(batch)
    decide(batch, "A", Kind.REQUEST_CHANGES, "more")
    second, document = lone.run()
    assert document.counts[Status.COMPLETED] == 1
    assert second.state().items["A"].attempt == 2


def test_a_sensitive_area_is_asked_about_before_anything_is_paid_for(lone: Night) -> None:
    lone.ticket("A", estimated_files=["src/auth/login.py"])
    batch, row = asked(lone, 'touch "$OLDPWD/ran"; grep -q go-ahead; mkdir -p src/auth; echo x > src/auth/login.py')
    assert (row.trigger, [option.name for option in row.options]) == ("security", ["go-ahead", "avoid"])
    said = (batch.attempt_folder("A", 1) / "trajectory.jsonl").read_text()
    assert '"stage":"C2' not in said
    answer(batch, "A", "go-ahead", "it is the ticket")
    document = lone.go_on(batch)
    assert document.counts[Status.COMPLETED] == 1
    assert landed(lone, batch) == ["src/auth/login.py"]


@pytest.mark.parametrize(
    ("does", "status"), [("echo x > a.txt", "completed"), ("mkdir -p auth; echo x > auth/a", "escalated")]
)
def test_what_is_to_be_avoided_is_asked_about_again_only_when_it_was_not(lone: Night, does: str, status: str) -> None:
    lone.ticket("A", estimated_files=["auth/a"])
    batch, _ = asked(lone, f"grep -q avoid; {does}")
    answer(batch, "A", "avoid", "leave it")
    assert lone.go_on(batch).counts[Status(status)] == 1


def test_triggers_can_be_switched_off(lone: Night) -> None:
    lone.write("shop.py", "def old():\n    return 0\n")
    off = {"dependencies": False, "migrations": False, "public_names": False, "sensitive_words": []}
    command = (
        "rm shop.py; mkdir -p auth migrations; echo x > auth/a.py; echo x > migrations/1.py; echo b > requirements.txt"
    )
    lone.settings(command, escalation=off, policy={"hold": []})
    lone.commit()
    _, document = lone.run()
    assert document.counts[Status.COMPLETED] == 1


def test_an_ordinary_change_asks_nothing(lone: Night) -> None:
    lone.write("src/shop/__init__.py", "")
    lone.write("src/shop/prices.py", "def total(prices):\n    return sum(prices)\n\n\ndef _old():\n    return 0\n")
    lone.write("package.json", json.dumps({"dependencies": {"left-pad": "1"}}))
    command = (
        "sed -i '/_old/,$d' src/shop/prices.py; echo 'def mean(prices): ...' >> src/shop/prices.py;"
        "mkdir -p tests docs;"
        "echo 'def test_login(): ...' > tests/test_login.py; echo auth > docs/auth.md; sed -i s/1/2/ package.json;"
        "echo '# tokens' > src/shop/tokenizer.py; echo '#!/bin/sh' > run.sh; chmod +x run.sh; ln -s src/shop link"
    )
    lone.settings(command)
    lone.commit()
    _, document = lone.run()
    assert document.counts[Status.COMPLETED] == 1, document.escalations


SCOPE = {"submit_scope": {"objective": "do it", "in_scope": ["it"]}}
PLAN = {"submit_plan": {"approach": "so"}}
WORK = {"submit_work": {"summary": "did it"}}


def edit(path: str, text: str) -> dict[str, Any]:
    return {"edit": {"path": path, "old": "", "new": text}}


def model(night: Night, stages: dict[str, Any], **agent: Any) -> tuple[Any, Any]:
    """Let a scripted model be the agent, for one night."""
    night.write("script.yaml", json.dumps({"A": stages}))
    found = [{"name": "tests", "measures": "tests", "command": ["true"]}]
    agent = {"kind": "model", "model": "scripted:script.yaml", **agent}
    night.write("nightwork.yaml", json.dumps({"agent": agent, "gates": found}))
    night.commit()
    return night.run()


def test_many_open_questions_are_asked_before_a_plan_is_paid_for(lone: Night) -> None:
    scope = {"submit_scope": {**SCOPE["submit_scope"], "questions": ["a?", "b?", "c?"]}}
    stages = {"C0": [[scope]], "C1": [[PLAN]], "C2": [[edit("a.txt", "x"), WORK]]}
    batch, document = model(lone, stages)
    assert (document.escalations[0].trigger, document.escalations[0].recommendation) == ("uncertainty", "go-ahead")
    answer(batch, "A", "go-ahead", "a is 1, b is 2, c is 3")
    assert lone.go_on(batch).counts[Status.COMPLETED] == 1
    assert "a is 1, b is 2" in (batch.attempt_folder("A", 1) / "trajectory.jsonl").read_text()


def test_a_likely_and_severe_risk_of_the_plan_is_asked_about(lone: Night) -> None:
    risk = {"kind": "data", "description": "loses orders", "likelihood": "high", "impact": "high"}
    plan = {"submit_plan": {"approach": "so", "risks": [risk]}}
    _, document = model(lone, {"C0": [[SCOPE]], "C1": [[plan]], "C2": []})
    assert document.escalations[0].trigger == "data"
    assert "loses orders" in document.escalations[0].summary


def test_the_iteration_limit_asks_and_its_answer_is_taken_up_beside_those_of_other_questions(lone: Night) -> None:
    plan = {"submit_plan": {"approach": "so", "files_to_change": ["src/login.py"]}}
    view = {"list": {}}
    stages = {
        "C0": [[SCOPE]],
        "C1": [[plan]],
        "C2": [[view], [view], [edit(".github/a.yml", "on: push"), edit("a.txt", "x"), WORK]],
    }
    batch, document = model(lone, stages, max_turns=2)
    assert document.escalations[0].trigger == "security"
    answer(batch, "A", "go-ahead", "first word")
    document = lone.go_on(batch)
    assert document.escalations[0].trigger == "iteration_limit"
    answer(batch, "A", "continue", "second word")
    document = lone.go_on(batch)
    assert document.escalations[0].trigger == "security"
    answer(batch, "A", "leave-out", "third word")
    assert lone.go_on(batch).counts[Status.COMPLETED] == 1
    assert landed(lone, batch) == ["a.txt"]
    said = (batch.attempt_folder("A", 1) / "trajectory.jsonl").read_text()
    assert said.count("first word") == 1
    assert said.count("second word") == 1
    assert "third word" not in said
    assert [each.escalation for each in batch.decisions.answers("A", 1)] == [0, 1, 2]


def test_a_model_takes_its_work_up_again_when_it_is_given_back(lone: Night) -> None:
    away = {"run": {"command": ["rm", "-r", ".github"]}}
    stages = {
        "C0": [[SCOPE]],
        "C1": [[PLAN]],
        "C2": [[edit(".github/a.yml", "on: push"), edit("a.txt", "x"), WORK], [away, WORK]],
    }
    batch, document = model(lone, stages)
    assert document.escalations[0].trigger == "security"
    answer(batch, "A", "rework", "without CI")
    assert lone.go_on(batch).counts[Status.COMPLETED] == 1
    assert landed(lone, batch) == ["a.txt"]


def test_what_the_agent_has_asked_about_itself_is_not_asked_again(lone: Night) -> None:
    escalation = {
        "trigger": "data", "summary": "which column?", "context": {"tried": "a", "why": "b", "blocks": "c"},
        "options": [{"name": "one", "description": "x"}, {"name": "two", "description": "x"}], "recommendation": "one",
    }  # fmt: skip
    result = json.dumps({"escalation": escalation})
    lone.settings(f"echo 'ALTER TABLE t ADD c int;' > m.sql; grep -q two || echo '{result}' > $NIGHTWORK_RESULT")
    lone.commit()
    batch, document = lone.run()
    assert document.escalations[0].summary == "which column?"
    answer(batch, "A", "two", "")
    assert lone.go_on(batch).counts[Status.COMPLETED] == 1
    assert landed(lone, batch) == ["m.sql"]


def test_an_unknown_option_is_refused(lone: Night) -> None:
    batch, _ = asked(lone, "mkdir .github; echo x > .github/a")
    with pytest.raises(BadInput, match="offers publish, rework"):
        answer(batch, "A", "merge-it", "")
    assert document_of(batch).escalations[0].answer is None


def test_a_question_outlives_the_night_and_is_finished_in_the_next(lone: Night) -> None:
    batch, _ = asked(lone, "mkdir .github; echo x > .github/a; echo x > fine.txt")
    answer(batch, "A", "leave-out", "")
    second, document = lone.run()
    assert second.id != batch.id
    assert document.counts[Status.COMPLETED] == 1
    assert landed(lone, second) == ["fine.txt"]
