"""The triggers on real trees: what asks, and above all what does not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nightwork.agent.results import Plan, Risk, Scope, Trigger
from nightwork.guarding import EscalationSettings
from nightwork.policy import held_by_change, held_by_plan, held_by_scope
from nightwork.workspace import Repository

DEFAULTS = EscalationSettings()
Change = Callable[[dict[str, str], dict[str, str | None]], list[tuple[str, str | None]]]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Return what tells (trigger, path) of all that is held of a change of files."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)

    def tree(files: dict[str, str | None]) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if text is None else path.write_text(text)
        subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
        done = subprocess.run(["git", "write-tree"], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def told(before: dict[str, str], after: dict[str, str | None]) -> list[tuple[str, str | None]]:
        old, new, repository = tree(dict(before)), tree(after), Repository(tmp_path)
        held = held_by_change(repository, old, new, repository.entries(old, new), DEFAULTS)
        return [(str(each.trigger), each.path) for each in held]

    return told


NPM = '{{"dependencies": {{"left-pad": "{}"}}}}'


@pytest.mark.parametrize(
    ("before", "after", "trigger"),
    [
        ({"a.sql": "-- x\n"}, {"a.sql": "-- x\ncreate unique index i on t (x);\n"}, "data"),
        ({"a.py": "x = 1\n"}, {"a.py": 'x = 1\nrun("ALTER TABLE t ADD c int")\n'}, "data"),
        ({"x": ""}, {"db/migrate/1_x.rb": "x"}, "data"),
        ({"x": ""}, {"alembic/versions/1.py": "x"}, "data"),
        ({"x": ""}, {"prisma/schema.prisma": "x"}, "data"),
        ({"package.json": NPM.format(1)}, {"package.json": NPM.format("git+ssh://x/y")}, "architecture"),
        ({"x": ""}, {"requirements.txt": "rich\n"}, "architecture"),
        ({"requirements.txt": "rich\n"}, {"pyproject.toml": "[broken"}, "architecture"),
        ({"x": ""}, {"src/userLogin.ts": "x"}, "security"),
        ({"x": ""}, {"lib/crypto/aes.py": "x"}, "security"),
        ({"x": ""}, {"app/OAuthClient.java": "x"}, "security"),
        ({"shop.py": "def total(): ...\n"}, {"shop.py": None}, "compatibility"),
    ],
)
def test_a_change_that_a_person_decides_on_asks(
    change: Change, before: dict[str, str], after: dict[str, str | None], trigger: str
) -> None:
    assert [found for found, _ in change(before, after)] == [trigger]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"package.json": NPM.format(1)}, {"package.json": NPM.format(2)}),
        ({"requirements.txt": "rich\nhttpx\n"}, {"requirements.txt": "httpx\n"}),
        ({"requirements.txt": "rich\n"}, {"requirements.txt": "", "requirements/base.requirements.txt": "rich\n"}),
        ({"x": ""}, {"src/author.py": "x", "src/authored/by.py": "x", "src/blogin.py": "x", "src/tokens.py": "x"}),
        ({"x": ""}, {"docs/auth.md": "x", "README-login.md": "x", "tests/test_auth.py": "x", "tests/auth/x.py": "x"}),
        ({"x": ""}, {"store.py": 'run("CREATE TABLE IF NOT EXISTS t (x)")\n'}),
        ({"x": ""}, {"words.py": '"""Drop table manners; alter the type of text."""\n'}),
        ({"a.sql": "create table t (x);\n"}, {"a.sql": "create table t (x);\nselect 1;\n"}),
        ({"shop.py": "def total(): ...\n"}, {"shop.py": "def total(x=1): ...\n\n\ndef mean(): ...\n"}),
        ({"shop.py": "def _own(): ...\n"}, {"shop.py": ""}),
        ({"tests/helpers.py": "def make(): ...\n"}, {"tests/helpers.py": ""}),
    ],
)
def test_an_ordinary_change_asks_nothing(change: Change, before: dict[str, str], after: dict[str, str | None]) -> None:
    assert change(before, after) == []


def test_a_scope_asks_about_areas_and_many_questions() -> None:
    scope = Scope(objective="x", in_scope=("x",), affected_files=("src/auth/*", "src/auth/a.py"), questions=("a", "b"))
    assert [each.trigger for each in held_by_scope(scope, DEFAULTS)] == [Trigger.SECURITY]
    more = scope.model_copy(update={"questions": ("a", "b", "c")})
    assert {each.trigger for each in held_by_scope(more, DEFAULTS)} == {Trigger.SECURITY, Trigger.UNCERTAINTY}
    never = DEFAULTS.model_copy(update={"open_questions": None, "sensitive_words": ()})
    assert held_by_scope(more, never) == []


@pytest.mark.parametrize(
    ("likelihood", "impact", "asks"), [("high", "high", 1), ("medium", "high", 0), ("high", "low", 0)]
)
def test_a_plan_asks_about_what_is_likely_and_severe(likelihood: str, impact: str, asks: int) -> None:
    risk = Risk.model_validate({"kind": "performance", "description": "x", "likelihood": likelihood, "impact": impact})
    held = held_by_plan(Plan(approach="x", risks=(risk,)), DEFAULTS)
    assert [each.trigger for each in held] == [Trigger.ARCHITECTURE] * asks


def test_what_was_asked_of_the_plan_is_the_same_question_of_the_change(change: Change) -> None:
    plan = Plan(approach="x", files_to_change=("src/auth/a.py",), files_to_create=("db/migrate/1.rb",))
    asked = {each.subject for each in held_by_plan(plan, DEFAULTS)}
    later = Plan(approach="x", files_to_change=("src/auth/b.py",), files_to_create=("db/migrate/1.rb",))
    assert {each.subject for each in held_by_plan(later, DEFAULTS)} == asked
