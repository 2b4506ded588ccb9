"""Helper processes: they answer, end when their time is over or their parent is gone, and say how they ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightwork.errors import Infrastructure
from nightwork.sandbox.helpers import Helper


def taken(helper: Helper, number: int) -> list[tuple[bytes, bytes]]:
    answers: list[tuple[bytes, bytes]] = []
    while len(answers) < number:
        more = helper.answers()
        assert more is not None
        answers += more
    return answers


def test_requests_are_answered_in_order_however_large() -> None:
    with Helper("binascii", "hexlify", 60) as helper:
        helper.ask(b"a")
        helper.ask(b"")
        assert taken(helper, 2) == [(b"a", b"61"), (b"", b"")]
        large = b"c" * 3_000_000
        helper.ask(large)
        assert taken(helper, 1) == [(large, b"63" * 3_000_000)]


def test_a_helper_that_fails_says_how_it_ended_and_what_it_was_at() -> None:
    with Helper("binascii", "unhexlify", 60) as helper:
        assert helper.answers() == []
        helper.ask(b"no hex")
        assert helper.answers() is None
        assert helper.end() == "exited with code 1"
        assert list(helper.asked) == [b"no hex"]


def test_a_helper_that_takes_too_long_is_ended() -> None:
    with Helper("signal", "sigwait", 1) as helper:
        helper.ask(bytes([signal.SIGHUP]))  # waits for it
        assert helper.answers() == []
        assert helper.answers() is None
        assert helper.end() == "took more than 1 s"


def test_helpers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom nightwork.sandbox.helpers import Helper\n"
        "helper = Helper('nightwork.module_spec.source.parsing', 'answer', 60)\nhelper.answers()\n"
        "print(helper._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout
    helper = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{helper}").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{helper}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    assert not Path(f"/proc/{helper}").exists()


def test_a_helper_that_cannot_start_says_so() -> None:
    with Helper("nightwork.no_such_module", "answer", 60) as helper, pytest.raises(Infrastructure, match="exit"):
        helper.answers()
