"""Runs in the background are known by their notes, end with all that they started, and are read while they go on."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from nightwork.control.detached import VARIABLE, WISH, Detached, free_run, noted_runs, own_run, runs_folder
from nightwork.control.output import last_lines, lines_of
from nightwork.sandbox.mark import start_of, stat_of
from nightwork.sandbox.tree import descendants, end_tree

# It ignores what it is asked, and so does its child.
STUBBORN = (
    "sh",
    "-c",
    "trap '' TERM INT; sh -c \"trap '' TERM INT; echo begun; while :; do sleep 1; done\" & wait; sleep 9",
)


def wait_until(holds: object) -> None:
    for _ in range(1000):
        if holds():  # type: ignore[operator]
            return
        time.sleep(0.02)
    raise AssertionError("did not happen within 20 s")


def begin(root: Path, *command: str, name: str = "fix-review-b1-1-92-20260201120000") -> Detached:
    run = free_run(root, [name])
    run.begin(command, os.environ, root)
    wait_until(run.note.exists)
    return run


def test_it_is_told_its_id_and_keeps_what_it_says_for_nobody_else_to_read(tmp_path: Path) -> None:
    run = begin(tmp_path, "sh", "-c", f'echo "said in $PWD"; echo "${VARIABLE}" >&2')
    wait_until(lambda: run.pid() is None)
    assert run.log.read_text().splitlines() == [f"said in {tmp_path}", str(run.log)]
    assert own_run({VARIABLE: str(run.log)}) == run
    assert own_run({}) is None
    assert [stat.S_IMODE(path.stat().st_mode) for path in (run.folder, run.log)] == [0o700, 0o600]
    assert (run.folder.parent / ".gitignore").read_text() == "*\n"


def test_it_stands_with_the_repository_or_in_a_plain_folder_with_its_specs(tmp_path: Path) -> None:
    assert runs_folder(tmp_path) == tmp_path / ".nightwork" / "runs"
    assert runs_folder(tmp_path, is_specs=True) == tmp_path / "specs" / ".state" / "runs"
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    commit = ["git", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "start"]
    subprocess.run(commit, cwd=tmp_path, check=True)
    (tmp_path / "docs").mkdir()
    assert runs_folder(tmp_path / "docs") == tmp_path / ".nightwork" / "runs"


def test_two_runs_of_one_second_do_not_share_an_output(tmp_path: Path) -> None:
    first = begin(tmp_path, "true", name="a-20260201120000")
    second = free_run(tmp_path, [first.name, "a-20260201120001"])
    second.log.touch()
    os.utime(first.log, (1, 1))
    assert (
        [run.name for run in noted_runs(tmp_path)]
        == [first.name, second.name]
        == ["a-20260201120000", "a-20260201120001"]
    )


def test_fifty_runs_that_ignore_the_wish_to_stop_leave_no_process(tmp_path: Path) -> None:
    begun = set[int]()
    for number in range(50):
        run = begin(tmp_path, *STUBBORN, name=f"run-{number}")
        wait_until(lambda run=run: run.log.read_text() == "begun\n")
        run.signal(WISH)
        pid = run.pid()
        assert pid is not None
        begun.update(descendants(pid))
        end_tree(pid)
    wait_until(lambda: not [pid for pid in begun if start_of(stat_of(pid))])
    assert len(begun) >= 100


def test_an_output_is_followed_until_its_run_has_ended_whichever_way(tmp_path: Path) -> None:
    run = begin(tmp_path, "sh", "-c", "echo one; sleep 60")
    seen: list[str] = []
    following = threading.Thread(
        target=lambda: seen.extend(lines_of(run.log, lambda: run.pid() is None, follow=True)), daemon=True
    )
    following.start()
    wait_until(lambda: run.log.read_text() == "one\n")
    with run.log.open("a") as file:
        file.write("t\x1b[31mwo\n\x07three")
    run.signal(signal.SIGKILL)
    following.join(20)
    assert seen == ["one", "t[31mwo", "three"]


def test_without_following_what_is_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.output"
    path.write_bytes(b"one\n\xff\nthree")
    assert list(lines_of(path, lambda: pytest.fail("nobody asked"))) == ["one", "\ufffd", "three"]
    assert last_lines(path, 2) == ["\ufffd", "three"]
