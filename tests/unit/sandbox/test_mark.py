"""A process is known by its id and the moment of its start; what cannot be told is never taken for a death."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from nightwork.sandbox.mark import Life, Mark, start_of, stat_of


def mark_of(process: subprocess.Popen[bytes]) -> Mark:
    return replace(Mark.here(), pid=process.pid, start=start_of(stat_of(process.pid)) or "")


def test_a_process_lives_until_it_has_ended_also_while_nobody_has_waited_for_it() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        mark = mark_of(process)
        assert mark.life() is Life.LIVES
        process.kill()
        while mark.life() is Life.LIVES:
            pass
        assert mark.life() is Life.GONE


def test_another_process_of_the_same_id_is_not_the_one_that_was_marked() -> None:
    assert replace(Mark.here(), start="1").life() is Life.GONE


@pytest.mark.parametrize("changed", ["machine", "space", "boot", "start"])
def test_what_is_elsewhere_or_unknown_is_not_told(changed: str) -> None:
    there = {"machine": "another.host", "space": "pid:[1]", "boot": "-", "start": "-"}[changed]
    assert replace(Mark.here(), **{changed: there}).life() is Life.NOT_TOLD


def test_a_machine_that_was_booted_since_runs_nothing_of_before_and_a_container_tells_nothing() -> None:
    booted = replace(Mark.here(), boot="4d8c0b6a-0000-4000-8000-000000000000")
    own = Mark.here().space == "pid:[4026531836]"
    assert booted.life() is (Life.GONE if own else Life.NOT_TOLD)


def test_a_mark_is_read_as_it_was_written() -> None:
    mark = Mark.here()
    assert Mark.read(str(mark)) == mark
    for text in ("", "12", "x 1 b s m", "1 2 3 4", "1  2 3 4"):
        assert Mark.read(text) is None
