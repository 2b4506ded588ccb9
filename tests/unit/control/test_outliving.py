"""Processes that outlive the command that started them are known by id and start, and by nothing less."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightwork.control import Outliving

SLEEP = ("sleep", "100")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Outliving]:
    found = Outliving(tmp_path, "sleeper")
    yield found
    found.signal(signal.SIGKILL)


def wait_until(holds: Callable[[], object]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("did not happen within 30 s")


def start(process: Outliving, *command: str) -> int:
    process.start(command, os.environ)
    wait_until(process.pid)
    found = process.pid()
    assert found is not None
    return found


def test_it_leads_a_session_of_its_own_in_a_folder_that_holds_nothing(sleeper: Outliving) -> None:
    found = start(sleeper, *SLEEP)
    assert os.getsid(found) == found
    assert list(Path(f"/proc/{found}/cwd").resolve().iterdir()) == []


def test_it_outlives_the_process_that_started_it(sleeper: Outliving) -> None:
    code = f"""
import os
from pathlib import Path
from nightwork.control import Outliving
Outliving(Path({str(sleeper.folder)!r}), "sleeper").start({SLEEP!r}, os.environ)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    wait_until(sleeper.pid)


def test_an_end_is_seen_even_before_anybody_has_waited_for_it(sleeper: Outliving) -> None:
    start(sleeper, *SLEEP)
    sleeper.signal(signal.SIGKILL)
    wait_until(lambda: sleeper.pid() is None)


def test_what_it_says_is_kept_and_the_log_of_the_start_before_as_well(sleeper: Outliving) -> None:
    for word in ("first", "second"):
        sleeper.start(("sh", "-c", f"echo {word}; echo bad >&2"), os.environ)
        wait_until(lambda word=word: sleeper.log.exists() and sleeper.log.read_text() == f"{word}\nbad\n")
    assert sleeper.log.with_suffix(".log.1").read_text() == "first\nbad\n"


def test_an_id_that_was_given_to_another_process_since_is_not_taken_for_it(sleeper: Outliving) -> None:
    found = start(sleeper, *SLEEP)
    noted = sleeper.note.read_text()
    fields = noted.rpartition(")")[2].split()
    sleeper.note.write_text(noted.replace(f" {fields[19]} ", f" {int(fields[19]) - 1} "))
    assert sleeper.pid() is None
    sleeper.signal(signal.SIGKILL)
    assert Path(f"/proc/{found}").exists()
    sleeper.note.write_text(noted)


def test_a_note_of_an_earlier_boot_counts_for_nothing(sleeper: Outliving) -> None:
    start(sleeper, *SLEEP)
    noted = sleeper.note.read_text()
    sleeper.note.write_text(noted.replace(noted.strip().rsplit("\n", 1)[1], "another"))
    assert sleeper.pid() is None
    sleeper.note.write_text(noted)


@pytest.mark.parametrize("noted", ["", "\n", "12", "no number\nboot\n", "99999999 (x) S 1\nboot"])
def test_a_note_that_cannot_be_read_counts_for_nothing(sleeper: Outliving, noted: str) -> None:
    sleeper.note.write_text(noted)
    assert sleeper.pid() is None
    assert sleeper.children() == []


def test_its_children_are_those_that_it_started_itself(sleeper: Outliving) -> None:
    start(sleeper, "sh", "-c", "sleep 100 & (sleep 100 & wait) & wait")
    wait_until(lambda: len(sleeper.children()) == 2)
    for child in sleeper.children():
        os.kill(child, signal.SIGKILL)


def test_a_command_that_is_not_there_is_told_in_the_log(sleeper: Outliving) -> None:
    sleeper.start(("/no/such/command",), os.environ)
    wait_until(lambda: "no/such/command" in (sleeper.log.read_text() if sleeper.log.exists() else ""))
    wait_until(lambda: sleeper.pid() is None)
