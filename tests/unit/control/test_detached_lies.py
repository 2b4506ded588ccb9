"""Runs in the background as files and processes: what lies about them is not believed, and leads nowhere else."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from nightwork.control.detached import Detached, free_run, is_output, noted_runs
from nightwork.control.output import last_lines, lines_of
from nightwork.errors import BadInput
from nightwork.sandbox.mark import boot, stat_of

NAME = "fix-review-b1-1-8-20260115180000"


def begun(folder: Path, *command: str) -> Detached:
    run = free_run(folder, [NAME])
    run.begin(command, {"PATH": "/usr/bin:/bin"}, folder)
    deadline = time.monotonic() + 20
    while run.pid() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return run


def test_a_note_that_names_the_process_of_somebody_else_names_none(tmp_path: Path) -> None:
    run = free_run(tmp_path, [NAME])
    with subprocess.Popen(["sleep", "60"]) as bystander:
        run.note.write_text(f"{stat_of(bystander.pid).strip()}\n{boot()}\n")
        assert run.pid() is None
        run.signal(signal.SIGTERM)
        assert bystander.poll() is None
        bystander.kill()


def test_a_run_that_was_begun_is_known_by_its_note(tmp_path: Path) -> None:
    run = begun(tmp_path, "sleep", "60")
    assert [each.pid() for each in noted_runs(tmp_path)] == [run.pid()] != [None]
    run.signal(signal.SIGKILL)


def test_a_name_is_taken_once_and_never_through_a_link(tmp_path: Path) -> None:
    first = free_run(tmp_path, [NAME])
    (first.folder / "planted.output").symlink_to(tmp_path / "elsewhere")
    assert free_run(tmp_path, [NAME, "planted", "next"]).name == "next"
    assert not (tmp_path / "elsewhere").exists()
    assert first.log.stat().st_mode & 0o777 == 0o600


def test_a_folder_of_runs_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder = free_run(tmp_path, [NAME]).folder
    (tmp_path / "theirs").mkdir(mode=0o755)
    folder.rename(tmp_path / "before")
    folder.symlink_to(tmp_path / "theirs")
    with pytest.raises(BadInput, match="is a link"):
        free_run(tmp_path, [NAME])
    assert (tmp_path / "theirs").stat().st_mode & 0o777 == 0o755


def test_what_is_no_output_is_passed_over(tmp_path: Path) -> None:
    run = free_run(tmp_path, [NAME])
    (run.folder / "gone.output").symlink_to("nowhere")
    (run.folder / "secret.output").symlink_to("/etc/passwd")
    (run.folder / "folder.output").mkdir()
    assert [each.name for each in noted_runs(tmp_path)] == [NAME]


def test_only_the_output_of_a_run_can_be_one(tmp_path: Path) -> None:
    run = free_run(tmp_path, [NAME])
    (run.folder / "linked.output").symlink_to("/etc/passwd")
    assert is_output(run.log, NAME)
    for path in ("/etc/passwd", "/proc/self/environ", run.folder / "linked.output", "", run.folder / "none.output"):
        assert not is_output(Path(path), NAME)
    assert not is_output(run.folder / "linked.output", "linked")


def test_what_is_shown_of_an_output_holds_no_secret_and_no_escape(tmp_path: Path) -> None:
    path = tmp_path / "x.output"
    path.write_text("\x1b]0;owned\x07 token ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5\n")
    for shown in ([*lines_of(path, lambda: True)], last_lines(path, 10)):
        assert "\x1b" not in shown[0]
        assert "[redacted forge token]" in shown[0]
