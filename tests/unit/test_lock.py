from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from nightwork import stop
from nightwork.errors import BadInput, Stopped
from nightwork.lock import hold

PROGRAM = """
import sys
from pathlib import Path
from nightwork.lock import hold
with hold(Path(sys.argv[1]), "a test"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_refused_and_told_who_holds_it(tmp_path, holder):
    with pytest.raises(BadInput, match=f'"pid": {holder.pid}, "doing": "a test"'), hold(tmp_path, "mine"):
        pass


def test_a_holder_that_was_killed_does_not_block(tmp_path, holder):
    holder.kill()
    holder.wait()
    with hold(tmp_path, "mine"):
        assert "mine" in (tmp_path / ".nightwork" / "run.lock").read_text()


def test_the_lock_is_free_when_its_holder_has_ended(tmp_path, holder):
    holder.communicate("\n")
    with hold(tmp_path, "mine"):
        pass


def test_who_is_patient_gets_the_lock_when_its_holder_has_ended_and_is_told_once_whom_it_waits_for(
    tmp_path, holder, caplog
):
    caplog.set_level("INFO", "nightwork.lock")
    leave = threading.Timer(0.5, holder.communicate, ["\n"])
    leave.start()
    with hold(tmp_path, "mine", patience_s=30):
        assert "mine" in (tmp_path / ".nightwork" / "run.lock").read_text()
    leave.join()
    [told] = caplog.messages
    assert f'"pid": {holder.pid}, "doing": "a test"' in told


def test_patience_comes_to_an_end(tmp_path, holder):
    with pytest.raises(BadInput, match=f'"pid": {holder.pid}'), hold(tmp_path, "mine", patience_s=0.1):
        pass


def test_waiting_for_the_lock_ends_when_the_run_is_to_stop_and_keeps_nobody_else_from_another(tmp_path, holder):
    elsewhere, ended = tmp_path / "elsewhere", threading.Event()
    elsewhere.mkdir()

    def wait_for_it():
        with pytest.raises(Stopped), hold(tmp_path, "mine", patience_s=60):
            pass
        ended.set()

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    with hold(elsewhere, "another repository"):
        stop.request("a test")
        try:
            assert ended.wait(10)
        finally:
            stop.reset()
            thread.join()


def test_a_stage_inside_a_run_shares_its_lock_and_does_not_give_it_up(tmp_path):
    with hold(tmp_path, "outer"):
        with hold(tmp_path, "inner"):
            pass
        with hold(tmp_path / ".." / tmp_path.name, "another way to the same place"):
            pass
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], input="\n", capture_output=True, text=True, check=False
        )
        assert found.returncode == 1
        assert "outer" in found.stderr
    with hold(tmp_path, "again"):
        pass


def test_the_lock_is_given_back_when_the_run_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path, "mine"):
        raise ZeroDivisionError
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], input="\n", check=True, text=True, capture_output=True
    )


def test_a_stage_in_another_thread_keeps_the_lock_until_it_ends(tmp_path):
    inside, leave = threading.Event(), threading.Event()

    def stage():
        with hold(tmp_path, "stage"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=stage)
    with hold(tmp_path, "run"):
        thread.start()
        inside.wait(10)
    try:
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path)], input="\n", capture_output=True, text=True, check=False
        )
    finally:
        leave.set()
        thread.join()
    assert found.returncode == 1


def test_the_users_git_status_does_not_show_the_lock(tmp_path):
    with hold(tmp_path, "mine"):
        assert (tmp_path / ".nightwork" / ".gitignore").read_text() == "*\n"
