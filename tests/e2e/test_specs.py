"""`nightwork specs`: what it prints, what it writes, how it exits, and what it does without Prefect."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCES = {
    "shop/__init__.py": '"""A shop."""\n',
    "shop/money.py": '"""Amounts in cents."""\n\n\ndef add(a: int, b: int) -> int:\n    return a + b\n',
    "shop/cart.py": '"""Carts."""\n\nfrom shop.money import add\n\n\nclass Cart:\n    total: int = 0\n',
    "tests/test_cart.py": "from shop.cart import Cart\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_run_writes_specs_and_a_second_one_has_nothing_to_do(nightwork: Any, serverless: Any, project: Path):
    before = tree(project)
    ran = nightwork("specs", "--repo", str(project))
    assert (ran.code, ran.out.splitlines()[0]) == (0, "3 modules: 3 written")
    lines = ran.err.splitlines()
    assert "[1/3] Processing shop/__init__.py..." in lines
    assert "3 of 3: 3 completed" in lines
    after = tree(project)
    assert {name: after[name] for name in before} == before
    assert {name.partition("/")[0] for name in set(after) - set(before)} == {"specs"}
    assert (project / "specs/_index.spec.md").exists()

    again = serverless("specs", "--repo", str(project))  # a server would have to be started for a flow
    assert (again.code, again.out, again.err) == (0, "3 modules: 3 unchanged\n", "")
    assert tree(project) == after
    told = serverless("specs", "--json", "--repo", str(project)).json()
    assert (told["total_modules"], len(told["skipped"]), told["cost_usd"]) == (3, 3, 0.0)


def test_what_is_stale_is_told_and_written_on_request(nightwork: Any, project: Path):
    nightwork("specs", "--repo", str(project))
    (project / "shop/money.py").write_text(SOURCES["shop/money.py"].replace("a + b", "b + a"))
    ran = nightwork("specs", "--json", "--repo", str(project))
    assert (ran.code, ran.json()["stale"], ran.json()["successful"]) == (0, ["shop/money.py"], [])
    ran = nightwork("specs", "--update", "--json", "--repo", str(project))
    assert (ran.code, ran.json()["stale"], ran.json()["successful"]) == (0, [], ["shop/money.py"])


def test_a_dry_run_tells_what_it_would_do_and_writes_nothing(serverless: Any, project: Path):
    before = tree(project)
    ran = serverless("specs", "--dry-run", "--model", "claude-haiku-4-5", "--repo", str(project))
    assert ran.code == 0, ran.err
    assert "3 of 3 specs would be written by claude-haiku-4-5" in ran.out
    assert "at most $" in ran.out
    told = serverless("specs", "--dry-run", "--json", "--model", "claude-haiku-4-5", "--repo", str(project)).json()
    assert 0 < told["expected_usd"] < told["at_most_usd"]
    assert {each["path"] for each in told["write"]} == {name for name in SOURCES if name.startswith("shop/")}
    assert tree(project) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--repo", "/nowhere"), "/nowhere: is no folder"),
        (("--model", "gpt"), "specs.model: unknown model 'gpt'"),
        (("--model", "claude-haiku-4-5"), "ANTHROPIC_API_KEY"),
        (("--max-retries", "-1"), "--max-retries"),
        (("--budget-usd", "nan"), "--budget-usd"),
        (("--deadline", "tomorrow"), "--deadline"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_writes_nothing(
    nightwork: Any, project: Path, arguments: tuple[str, ...], told: str
):
    before = tree(project)
    ran = nightwork("specs", *(("--repo", str(project)) if "--repo" not in arguments else ()), *arguments)
    assert ran.code == 2, ran.err
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert {name for name in tree(project) if not name.startswith("specs/.state/")} == set(before)


def test_a_corrupt_checkpoint_stops_the_run_and_stays_as_it_is(nightwork: Any, project: Path):
    checkpoint = project / "specs/.reverse-spec-checkpoint.json"
    checkpoint.parent.mkdir()
    checkpoint.write_text("{")
    ran = nightwork("specs", "--repo", str(project))
    assert ran.code == 3, ran.err
    assert str(checkpoint) in ran.err
    assert checkpoint.read_text() == "{"


def test_ctrl_c_ends_a_run_and_leaves_its_temporary_server_until_all_is_told(
    command_line: Any, project: Path, until: Any
):
    for number in range(250):  # a few seconds of work
        (project / f"shop/more_{number}.py").write_text(SOURCES["shop/cart.py"])
    program = command_line().start("specs", "--repo", str(project))
    until(lambda: "[20/" in program._text("err"), timeout_s=100, told=lambda: program._text("err"))
    os.killpg(program.process.pid, signal.SIGINT)  # as a terminal does: the server is sent it too
    ran = program.wait(30)
    assert (ran.code, "Traceback" in ran.err) == (3, False), ran.err
    assert "stopping: what runs is ended and kept" in ran.err
    assert "aborted(stopped)" not in ran.err
    assert ": the run was stopped\n" in ran.out
    assert (project / "specs/.reverse-spec-checkpoint.json").exists()


def test_ctrl_c_while_the_temporary_server_starts_ends_at_once(command_line: Any, project: Path, until: Any):
    program = command_line().start("specs", "--repo", str(project))
    until(lambda: "a temporary one starts" in program._text("err"), told=lambda: program._text("err"))
    os.killpg(program.process.pid, signal.SIGINT)
    ran = program.wait(20)
    assert (ran.code, "\nstopped; " in ran.err) == (3, True), ran.err


def test_a_model_that_cannot_be_asked_is_told_before_a_server_is_started(serverless: Any, project: Path):
    ran = serverless("specs", "--model", "claude-haiku-4-5", "--repo", str(project))
    assert (ran.code, "ANTHROPIC_API_KEY: is not set" in ran.err) == (2, True)


def test_a_part_of_a_project_gets_no_specs_of_its_own_by_accident(serverless: Any, nightwork: Any, project: Path):
    nightwork("specs", "--repo", str(project))
    ran = serverless("specs", cwd=project / "shop")
    assert (ran.code, "which has specs; use --repo" in ran.err) == (2, True)
    assert not (project / "shop/specs").exists()
    (project / "shop/specs").mkdir()
    assert serverless("specs", "--dry-run", cwd=project / "shop").code == 0


def test_the_temporary_server_imports_nothing_of_the_project_in_which_it_starts(command_line: Any, project: Path):
    for name in ("uvicorn", "click"):
        (project / f"{name}.py").write_text("raise SystemExit('the code of the project was run')\n")
    program = Path(sys.executable).with_name("nightwork")  # `python -m` would put the working folder on its own path
    done = subprocess.run(
        [program, "specs"], cwd=project, env=command_line().environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "5 modules: 5 written"), done.stderr
