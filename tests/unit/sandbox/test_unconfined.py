from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from nightwork import stop
from nightwork.errors import Stopped
from nightwork.sandbox import Run, Unconfined

NOTES = Path(tempfile.gettempdir()) / "nightwork-tests-running"


def run(folder, *command, **more):
    return Unconfined(NOTES).run(Run(command, folder, **more))


def python(folder, program, *arguments, **more):
    return run(folder, sys.executable, "-c", program, *arguments, **more)


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def stopping():
    stop.reset()
    yield
    stop.reset()


@pytest.mark.parametrize("code", [0, 1, 77])
def test_a_command_ends_with_its_exit_code_and_what_it_printed(tmp_path, code):
    found = run(tmp_path, "sh", "-c", f"pwd; echo é >&2; exit {code}")
    assert (found.exit_code, found.stdout, found.stderr) == (code, f"{tmp_path}\n", "é\n")
    assert not found.timed_out
    assert not found.truncated
    assert found.tail() == f"{tmp_path}\né"


def test_a_command_killed_by_a_signal_has_a_negative_exit_code(tmp_path):
    assert run(tmp_path, "sh", "-c", "kill -TERM $$").exit_code == -15


def test_there_is_no_shell(tmp_path):
    assert run(tmp_path, "echo", "$HOME; ls *").stdout == "$HOME; ls *\n"


def test_standard_input_reaches_the_command_whole(tmp_path):
    text = "é\n" * 200_000
    assert run(tmp_path, "cat", stdin=text).stdout == text


def test_a_command_that_never_reads_its_input_ends_all_the_same(tmp_path):
    found = run(tmp_path, "true", stdin="x" * 1_000_000)
    assert (found.exit_code, found.duration_s < 2) == (0, True)
    found = run(tmp_path, "sleep", "60", stdin="x" * 1_000_000, timeout_s=0.3)
    assert found.timed_out
    assert found.duration_s < 3


def test_output_beyond_the_limit_is_read_and_thrown_away(tmp_path):
    found = python(tmp_path, "print('x' * 10_000_000)", output_limit=1000)
    assert (found.exit_code, found.stdout, found.truncated) == (0, "x" * 1000, True)
    found = python(tmp_path, "print('x' * 999)", output_limit=1000)
    assert (len(found.stdout), found.truncated) == (1000, False)


def test_bytes_that_are_no_text_do_not_hurt(tmp_path):
    assert run(tmp_path, "printf", r"a\377b").stdout == "a\ufffdb"


def test_at_the_time_limit_grandchildren_end_as_well(tmp_path):
    found = run(tmp_path, "sh", "-c", "sleep 60 & echo $!; sh -c 'sleep 60 & echo $!; wait' & wait", timeout_s=0.5)
    assert found.timed_out
    assert found.exit_code is None
    assert found.duration_s < 3
    pids = found.stdout.split()
    assert len(pids) == 2
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


def test_what_a_command_left_running_ends_with_it(tmp_path):
    found = run(tmp_path, "sh", "-c", "sleep 60 & echo $!")
    assert (found.exit_code, found.timed_out) == (0, False)
    assert found.duration_s < 2
    assert wait_until(lambda: not alive(found.stdout.strip()))


def test_the_wish_to_stop_ends_a_command_soon(tmp_path, stopping):
    timer = threading.Timer(0.3, stop.request, ["a test"])
    timer.start()
    started = time.monotonic()
    with pytest.raises(Stopped, match="stopped by a test"):
        run(tmp_path, "sh", "-c", "sleep 60 & echo $! > pid; wait")
    assert time.monotonic() - started < 3
    timer.join()
    assert wait_until(lambda: not alive((tmp_path / "pid").read_text().strip()))


def test_a_command_sees_none_of_the_users_variables(tmp_path, monkeypatch):
    for name in ("SECRET_TOKEN", "ANTHROPIC_API_KEY", "PYTHONPATH", "LD_PRELOAD_X", "NIGHTWORK_X", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "leaked")
    found = run(tmp_path, "env", "-0", variables={"MINE": "1"}).stdout
    names = {row.partition("=")[0] for row in found.split("\0") if row}
    assert names <= {"LANG", "LC_ALL", "TZ", "PATH", "HOME", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "MINE"}
    assert "MINE=1" in found.split("\0")
    assert "leaked" not in found


def test_the_home_is_private_and_gone_afterwards(tmp_path):
    home = run(tmp_path, "sh", "-c", 'touch "$HOME/x" && ls -A "$HOME" && echo "$HOME"').stdout.split()
    assert home[0] == "x"
    assert home[1] != os.environ.get("HOME")
    assert not Path(home[1]).exists()


@pytest.mark.parametrize(
    "command",
    [("no-such-command-here",), ("",), ("a\0b",), ("/",), ("echo", "a\0b"), ("echo", "\ud800")],
    ids=ascii,
)
def test_a_command_that_cannot_be_started_says_so(tmp_path, command):
    found = run(tmp_path, *command)
    assert found.exit_code is None
    assert "could not be started" in found.stderr
    assert not found.timed_out


def test_a_folder_that_is_not_there_says_so(tmp_path):
    assert "could not be started" in run(tmp_path / "none", "true").stderr


def test_many_commands_run_side_by_side(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(run(tmp_path, "sleep", "0.3"))) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.exit_code for one in found] == [0] * 8
    assert time.monotonic() - started < 2


def test_a_command_that_cannot_be_noted_is_ended_and_the_fault_is_the_machines(tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("a file where the folder of notes should be")
    mark = tmp_path / "mark"
    with pytest.raises(OSError, match="notes"):
        Unconfined(notes).run(Run(("sh", "-c", f"sleep 0.5; touch {mark}"), tmp_path))
    time.sleep(0.8)
    assert not mark.exists()
