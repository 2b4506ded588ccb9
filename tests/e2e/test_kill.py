"""Killed at any instant and resumed: nothing that was finished is done again, and everything is there once."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightwork.checkpoint import load_checkpoint
from nightwork.files import read_records
from nightwork.manifest import BatchStatus, load_manifest
from nightwork.outcome import Status
from nightwork.review import ReviewDocument


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file outside every worktree, in which commands note that they ran."""
    path = tmp_path / "commands.log"
    path.touch()
    return path


def _note(log: Path, word: str, then: str = "") -> dict[str, Any]:
    """A tool call that notes a word and its process id; `then` runs the first time only."""
    first = f'[ "$(grep -c "^{word} " {log})" -gt 1 ] || {then}' if then else ":"
    return {"run": {"command": ["sh", "-c", f'echo "{word} $$" >> {log}; {first}']}}


def _script(log: Path, *tickets: str) -> str:
    def stages(name: str) -> dict[str, Any]:
        return {
            "C0": [[{"list": {}}], [{"submit_scope": {"objective": f"do {name}", "in_scope": ["src"]}}]],
            "C1": [[{"submit_plan": {"approach": "add a file", "files_to_create": [f"src/{name}.txt"]}}]],
            "C2": [
                [{"edit": {"path": f"src/{name}.txt", "old": "", "new": "one\n"}}, _note(log, f"{name}-before")],
                [_note(log, f"{name}-slow", "exec sleep 613"), _note(log, f"{name}-after")],
                [{"edit": {"path": f"src/{name}.txt", "old": "one", "new": "two"}}],
                [{"submit_work": {"summary": f"add {name}", "changes": [f"Add src/{name}.txt"]}}],
            ],
        }

    return yaml.safe_dump({name: stages(name) for name in tickets})


def _settings(*gates: dict[str, Any], parallel: int = 1) -> dict[str, Any]:
    fine = {"name": "fine", "measures": "syntax", "command": ["true"]}
    return {
        "batch": {"parallel_agents": parallel},
        "agent": {"model": "scripted:script.yaml"},
        "gates": [fine, *gates],
        "sandbox": {"confine": False},  # commands note outside of their worktree who they are
    }


def _words(log: Path) -> Counter[str]:
    return Counter(line.split()[0] for line in log.read_text().splitlines())


def _pid(log: Path, word: str) -> int:
    return int(re.findall(rf"^{word} (\d+)$", log.read_text(), re.MULTILINE)[-1])


def _is_whole(repo: Any, *tickets: str, batch: Path | None = None) -> None:
    """Everything of these tickets is there once, and the state on disk can be read."""
    batch = batch or repo.batch()
    assert sorted(repo.branches()) == sorted(["main", *(f"agent/{name}" for name in tickets)])
    for name in tickets:
        assert repo.commits_on(f"agent/{name}", "main") == 1
        assert repo.git("show", f"agent/{name}:src/{name}.txt") == "two"
        assert f"ticket: {name}" in (batch / "merge_requests" / f"{name}.md").read_text()
    assert sorted(path.name for path in (batch / "merge_requests").iterdir()) == sorted(f"{n}.md" for n in tickets)
    assert repo.git("for-each-ref", "refs/nightwork") == ""
    assert len(repo.git("worktree", "list").splitlines()) == 1
    assert not list((repo.path / ".nightwork").rglob("*.tmp"))
    state = load_checkpoint(batch / "checkpoint.json")
    assert state is not None
    assert {name: (o.status, str(o.verdict)) for name, o in state.items.items()} == dict.fromkeys(
        tickets, (Status.COMPLETED, "passed")
    )
    assert load_manifest(batch / "manifest.yaml").status is BatchStatus.COMPLETED


def _each_stage_was_asked_for_once(repo: Any, ticket: str) -> None:
    (path,) = (repo.batch() / "tickets" / ticket).rglob("trajectory.jsonl")
    records = list(read_records(path))
    assert Counter(r["stage"] for r in records if r["kind"] == "accepted") == {"C0": 1, "C1": 1, "C2": 1}
    assert Counter(r["stage"] for r in records if r["kind"] == "assistant") == {"C0": 2, "C1": 1, "C2": 4}
    calls = Counter(r["call_id"] for r in records if r["kind"] == "result")
    assert set(calls.values()) == {1}


def _resume(nightwork: Any, repo: Any, command: str = "resume") -> None:
    ran = nightwork(command, "--json", "--repo", str(repo.path))
    assert ran.code == 0, ran.err
    assert "Traceback" not in ran.err
    ReviewDocument.model_validate_json(ran.out)


def test_a_batch_that_is_killed_while_an_agent_works_is_finished_by_a_resume(
    nightwork: Any, new_repo: Callable[..., Any], log: Path, until: Callable[..., None]
):
    repo = new_repo(_settings(parallel=2), ("T-1", "T-2"), {"script.yaml": _script(log, "T-1", "T-2")})
    program = nightwork.start("run", "--repo", str(repo.path))
    until(lambda: _words(log).keys() >= {"T-1-slow", "T-2-slow"}, told=lambda: program._text("err"))
    assert program.kill()
    assert repo.branches() == ["main"]
    _resume(nightwork, repo)
    _is_whole(repo, "T-1", "T-2")
    for name in ("T-1", "T-2"):
        _each_stage_was_asked_for_once(repo, name)
    once, twice = ("T-1-before", "T-1-after", "T-2-before", "T-2-after"), ("T-1-slow", "T-2-slow")
    assert _words(log) == {**dict.fromkeys(once, 1), **dict.fromkeys(twice, 2)}
    nothing = nightwork("resume", "--repo", str(repo.path))
    assert (nothing.code, "nothing to resume" in nothing.err) == (0, True)


def test_a_batch_that_is_killed_twice_and_after_a_finished_ticket_does_not_do_that_one_again(
    nightwork: Any, new_repo: Callable[..., Any], log: Path, until: Callable[..., None]
):
    script = yaml.safe_load(_script(log, "T-1", "T-2"))
    script["T-1"]["C2"][1] = [_note(log, "T-1-slow"), _note(log, "T-1-after")]
    again = f'[ "$(grep -c "^T-2-slow " {log})" -gt 2 ] || exec sleep 613'
    script["T-2"]["C2"][1][0] = {"run": {"command": ["sh", "-c", f'echo "T-2-slow $$" >> {log}; {again}']}}
    repo = new_repo(_settings(), ("T-1", "T-2"), {"script.yaml": yaml.safe_dump(script)})
    for number, command in enumerate(("run", "resume"), 1):
        program = nightwork.start(command, "--repo", str(repo.path))
        until(lambda wanted=number: _words(log)["T-2-slow"] == wanted, told=lambda: program._text("err"))  # noqa: B023
        program.kill()
    commit = repo.git("rev-parse", "agent/T-1")
    _resume(nightwork, repo)
    assert repo.git("rev-parse", "agent/T-1") == commit
    _is_whole(repo, "T-1", "T-2")
    assert _words(log) == {
        **{"T-1-before": 1, "T-1-slow": 1, "T-1-after": 1},
        **{"T-2-before": 1, "T-2-slow": 3, "T-2-after": 1},
    }


@pytest.mark.parametrize(("number", "command"), [(signal.SIGINT, "resume"), (signal.SIGTERM, "run")])
def test_a_signal_ends_everything_in_time_and_a_resume_or_the_next_batch_finishes(
    number: signal.Signals,
    command: str,
    nightwork: Any,
    new_repo: Callable[..., Any],
    log: Path,
    until: Callable[..., None],
    is_alive: Callable[[int], bool],
):
    repo = new_repo(_settings(), ("T-1", "T-2"), {"script.yaml": _script(log, "T-1", "T-2")})
    program = nightwork.start("run", "--repo", str(repo.path))
    until(lambda: "T-1-slow" in _words(log), told=lambda: program._text("err"))
    sleeping = _pid(log, "T-1-slow")
    assert is_alive(sleeping)
    program.process.send_signal(number)
    until(lambda: not is_alive(sleeping), timeout_s=15, told=lambda: program._text("err"))
    ran = program.wait(60)  # Prefect hands over what it has still to tell its server, which others use as well
    assert ran.code == 3, ran.err
    assert "Traceback" not in ran.err
    state = load_checkpoint(repo.batch() / "checkpoint.json")
    assert state is not None
    assert {name: outcome.label() for name, outcome in state.items.items()} == {
        "T-1": "aborted(stopped)",
        "T-2": "aborted(stopped)",
    }
    assert load_manifest(repo.batch() / "manifest.yaml").status is BatchStatus.ABORTED
    script = yaml.safe_load((repo.path / "script.yaml").read_text())
    script["T-2"]["C2"][1] = [_note(log, "T-2-slow"), _note(log, "T-2-after")]
    (repo.path / "script.yaml").write_text(yaml.safe_dump(script))
    first = repo.batch()
    _resume(nightwork, repo, command)
    _is_whole(repo, "T-1", "T-2", batch=first if command == "resume" else first.with_name(f"{first.name}-2"))
    assert _words(log)["T-1-before"] == 1


def test_a_batch_that_is_killed_while_the_gates_judge_is_finished_by_a_resume(
    nightwork: Any, new_repo: Callable[..., Any], log: Path, until: Callable[..., None]
):
    # The gate runs on the base, in the agent's fix round, and then in the gates stage, where the first time is slow.
    slow = f'echo "gate $$" >> {log}; [ "$(grep -c "^gate " {log})" -ne 3 ] || exec sleep 613'
    script = yaml.safe_load(_script(log, "T-1"))
    script["T-1"]["C2"][1] = [_note(log, "T-1-slow"), _note(log, "T-1-after")]
    gate = {"name": "slow", "measures": "syntax", "command": ["sh", "-c", slow]}
    repo = new_repo(_settings(gate), ("T-1",), {"script.yaml": yaml.safe_dump(script)})
    program = nightwork.start("run", "--repo", str(repo.path))
    until(lambda: _words(log)["gate"] == 3, told=lambda: program._text("err"))
    program.kill()
    commit = repo.git("rev-parse", "agent/T-1")
    _resume(nightwork, repo)
    assert repo.git("rev-parse", "agent/T-1") == commit
    _is_whole(repo, "T-1")
    _each_stage_was_asked_for_once(repo, "T-1")
    assert _words(log) == {"T-1-before": 1, "T-1-slow": 1, "T-1-after": 1, "gate": 4}


def test_a_command_that_outlives_a_killed_run_does_not_write_into_the_resumed_work(
    nightwork: Any, new_repo: Callable[..., Any], log: Path, until: Callable[..., None], is_alive: Callable[[int], bool]
):
    repo = new_repo(_settings(), ("T-1",), {"script.yaml": _script(log, "T-1")})
    program = nightwork.start("run", "--repo", str(repo.path))
    until(lambda: "T-1-slow" in _words(log), told=lambda: program._text("err"))
    sleeping = _pid(log, "T-1-slow")
    program.process.kill()  # as the kernel does when memory is short: this process alone
    program.process.wait(10)
    try:
        _resume(nightwork, repo)
        _is_whole(repo, "T-1")
        assert not is_alive(sleeping)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(sleeping, signal.SIGKILL)
