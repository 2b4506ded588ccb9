"""What scripts rely on: JSON alone on standard output, exit codes, and one clear message for every mistake."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nightwork.review import ReviewDocument

OPEN = {"confine": False}  # for commands that look or write outside of their worktree
BAD_SETTINGS = """tickets: [1]
batch:
  parallel_agents: 0
  timeout_per_ticket: soon
agent:
  kind: wizard
gatez: []
"""


def _refused(ran: Any, *told: str, code: int = 2) -> None:
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    for text in told:
        assert text in ran.err


def _tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def sleeps(tmp_path: Path, writes_a_file: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Settings with an agent that works until it is told to end, and the file that says it has begun."""
    begun = tmp_path / "begun"
    agent = ["sh", "-c", f"cat > /dev/null; echo x > src/x.txt; echo $$ > {begun}; exec sleep 615"]
    return {**writes_a_file, "agent": {**writes_a_file["agent"], "command": agent}, "sandbox": OPEN}, begun


@contextmanager
def _under_way(nightwork: Any, repo: Any, begun: Path, until: Callable[..., None]) -> Iterator[Any]:
    program = nightwork.start("run", "--repo", str(repo.path))
    until(begun.exists, told=lambda: program._text("err"))
    try:
        yield program
    finally:
        program.kill()


def test_json_stands_alone_on_standard_output_and_is_the_same_in_the_morning(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file, ("T-1", "T-2"))
    dry = nightwork("run", "--dry-run", "--json", "--repo", str(repo.path))
    assert dry.code == 0
    assert [row["id"] for row in dry.json()["tickets"]] == ["T-1", "T-2"]
    assert not (repo.path / ".nightwork").exists()
    ran = nightwork("run", "--json", "--batch-id", "one", "--repo", str(repo.path))
    assert ran.code == 0, ran.err
    document = ReviewDocument.model_validate_json(ran.out)
    assert (document.batch_id, document.total) == ("one", 2)
    shown = nightwork("review", "--json", "--repo", str(repo.path))
    assert (shown.code, shown.out, "Traceback" in shown.err) == (0, ran.out, False)
    assert (repo.batch("one") / "review.json").read_text().strip() == ran.out.strip()
    _refused(nightwork("run", "--batch-id", "one", "--repo", str(repo.path)), "exists; `nightwork resume one`")
    again = nightwork("run", "--repo", str(repo.path))
    _refused(again, "waits for a decision")


def test_a_failed_ticket_gives_exit_code_1_and_is_run_again_only_when_asked(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any], tmp_path: Path
):
    agent = ["sh", "-c", f"cat > /dev/null; [ -e {tmp_path}/mended ] || exit 7; echo x > src/x.txt"]
    repo = new_repo({**writes_a_file, "agent": {**writes_a_file["agent"], "command": agent}, "sandbox": OPEN})
    ran = nightwork("run", "--json", "--repo", str(repo.path))
    assert ran.code == 1, ran.err
    assert ran.json()["counts"]["failed"] == 1
    assert "exited 7" in ran.out
    (tmp_path / "mended").touch()
    nothing = nightwork("resume", "--repo", str(repo.path))
    assert (nothing.code, nothing.out) == (0, "")
    again = nightwork("resume", "--retry-failed", "--json", "--repo", str(repo.path))
    assert again.code == 0, again.err
    assert again.json()["queue"][0]["attempt"] == 2
    assert repo.commits_on("agent/T-1") == 1


def test_a_gate_whose_program_is_missing_has_not_run_and_the_change_is_never_ready(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    gates = [*writes_a_file["gates"], {"name": "gone", "measures": "tests", "command": ["no-such-program-at-all"]}]
    repo = new_repo({**writes_a_file, "gates": gates})
    ran = nightwork("run", "--json", "--repo", str(repo.path))
    assert "Traceback" not in ran.err
    (row,) = ReviewDocument.model_validate_json(ran.out).queue
    assert (row.verdict, row.ready) == ("not_run", False)
    assert {gate.gate: str(gate.status) for gate in row.gates}["gone"] == "not_run"
    assert ran.code == 0


def test_wrong_use_is_exit_code_2_without_a_traceback(
    serverless: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any], tmp_path: Path
):
    repo = new_repo(writes_a_file)
    place = ("--repo", str(repo.path))
    before = _tree(repo.path)
    for arguments, told in (
        (("run", "--no-such-flag", *place), "no-such-flag"),
        (("runn", *place), "runn"),
        (("run", "--parallel", "many", *place), "many"),
        (("run", "--parallel", "0", *place), "--parallel"),
        (("run", "--max-tickets", "-1", *place), "--max-tickets"),
        (("run", "--base", "no-such-branch", *place), "no-such-branch"),
        (("run", "--base=--upload-pack=x", *place), "--upload-pack=x"),
        (("run", "--tickets", "nowhere", *place), "nowhere"),
        (("run", "--batch-id", "../out", *place), "../out"),
        (("decide", "T-1", "approve", *place), "T-1"),
        (("decide", "T-1", "perhaps", *place), "perhaps"),
        (("answer", "T-1", "yes", *place), "T-1"),
        (("resume", *place), "there is no batch"),
        (("resume", "never", *place), "never"),
        (("review", "--batch-id", "never", *place), "never"),
    ):
        ran = serverless(*arguments)
        assert (ran.code, "Traceback" in ran.err) == (2, False), (arguments, ran)
        assert told in ran.err + ran.out, (arguments, ran)
    for arguments in (("review", *place), ("generate", *place), ("gates", *place)):
        ran = serverless(*arguments)
        assert (ran.code, ran.out) == (0, ""), (arguments, ran)
        assert "nightwork run" in ran.err
    assert _tree(repo.path) == before


def test_a_place_that_is_no_repository_with_a_commit_is_exit_code_2(serverless: Any, tmp_path: Path):
    _refused(serverless("run", "--repo", str(tmp_path / "nowhere")), "no such folder", "nowhere")
    (tmp_path / "plain").mkdir()
    _refused(serverless("run", "--repo", str(tmp_path / "plain")), "not in a git repository")
    _refused(serverless("review"), "not in a git repository")
    subprocess.run(["git", "init", "--quiet", tmp_path / "plain"], check=True)
    _refused(serverless("run", "--repo", str(tmp_path / "plain")), "commit")


def test_all_faults_of_the_settings_are_told_at_once(serverless: Any, new_repo: Callable[..., Any]):
    repo = new_repo(None, files={"nightwork.yaml": BAD_SETTINGS})
    ran = serverless("run", "--repo", str(repo.path))
    _refused(ran)
    faults = [line for line in ran.err.splitlines() if line.startswith("error: nightwork.yaml:")]
    assert sorted(re.findall(r"yaml:(\d+)", line)[0] for line in faults) == ["1", "3", "4", "6", "7"], ran.err
    assert "duration" in ran.err
    repo.write({"nightwork.yaml": "a: [1\nb: 2\n"})
    _refused(serverless("run", "--repo", str(repo.path)), "nightwork.yaml:2")
    repo.write({"nightwork.yaml": b"\xff\xfe\x00"})
    _refused(serverless("run", "--repo", str(repo.path)), "nightwork.yaml")


def test_a_second_run_is_refused_and_names_the_process_that_is_under_way(
    nightwork: Any, new_repo: Callable[..., Any], sleeps: tuple[dict[str, Any], Path], until: Callable[..., None]
):
    settings, begun = sleeps
    repo = new_repo(settings, ("T-1", "T-2"))
    repo.write({"nightwork.yaml": (repo.path / "nightwork.yaml").read_text() + "batch: {max_tickets: 1}\n"})
    with _under_way(nightwork, repo, begun, until) as first:
        second = nightwork("run", "--repo", str(repo.path))
        _refused(second, str(first.process.pid))
        stage = nightwork("generate", "--repo", str(repo.path))
        _refused(stage, str(first.process.pid))
        assert first.process.poll() is None
        assert len(list((repo.path / ".nightwork" / "batches").iterdir())) == 1


def test_a_resume_of_a_batch_that_is_under_way_is_refused_and_names_the_process(
    nightwork: Any, new_repo: Callable[..., Any], sleeps: tuple[dict[str, Any], Path], until: Callable[..., None]
):
    settings, begun = sleeps
    repo = new_repo(settings)
    with _under_way(nightwork, repo, begun, until) as first:
        _refused(nightwork("resume", "--repo", str(repo.path)), str(first.process.pid))


def test_a_corrupt_checkpoint_stops_every_command_with_its_path_and_stays_as_it_is(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file)
    assert nightwork("run", "--repo", str(repo.path)).code == 0
    path = repo.batch() / "checkpoint.json"
    foreign, every = path.read_text().replace('"batch_id":"', '"batch_id":"other-'), [("resume",), ("review", "--json")]
    every += [("decide", "T-1", "approve"), ("run",)]
    for content, commands in (("{", every), ("", every[:1]), ('{"schema_version": 99}', every[:1]), (foreign, every)):
        path.write_text(content)
        before = _tree(repo.path)
        for arguments in commands:
            ran = nightwork(*arguments, "--repo", str(repo.path))
            assert ran.code in {2, 3}, (arguments, ran)
            assert ran.out == ""
            assert "checkpoint.json" in ran.err
            assert "Traceback" not in ran.err
        assert _tree(repo.path) == before


def test_what_ends_a_run_after_its_batch_was_written_is_told(
    nightwork: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file)
    repo.write({".nightwork/.gitignore": "*\n", ".nightwork/worktrees": "a file where a folder is needed\n"})
    ran = nightwork("run", "--repo", str(repo.path))
    assert ran.code == 3, ran.err
    assert "Traceback" not in ran.err
    assert "worktrees" in ran.err


def test_a_server_that_does_not_answer_is_told_at_once_and_nothing_is_begun(
    command_line: Any, new_repo: Callable[..., Any], writes_a_file: dict[str, Any]
):
    repo = new_repo(writes_a_file, ("T-1",))
    _refused(
        command_line(PREFECT_API_URL="http://127.0.0.1:9/api")("run", "--repo", str(repo.path)),
        "http://127.0.0.1:9/api does not answer",
        "unset PREFECT_API_URL",
        code=3,
    )
    assert not (repo.path / ".nightwork").exists()
