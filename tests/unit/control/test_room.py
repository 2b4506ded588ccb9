"""The folder of the control room: for its user alone, and one command at a time."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from nightwork.control import open_room
from nightwork.control.room import server_url
from nightwork.errors import StateError


def test_nobody_else_can_look_into_it() -> None:
    assert stat.S_IMODE(open_room().folder.stat().st_mode) == 0o700


def test_a_room_in_which_nothing_was_started_has_no_port_no_server_and_no_workers(own_state: Path) -> None:
    assert server_url() is None
    assert not (own_state / "nightwork" / "control-room").exists()
    room = open_room()
    assert (room.port(), room.url(), room.workers()) == (None, None, [])


def test_the_port_is_kept_and_tells_nothing_while_the_server_is_dead() -> None:
    room = open_room()
    room.keep_port(4711)
    assert room.port() == 4711
    assert room.url() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"port": "x"}', "null"])
def test_what_is_noted_wrongly_is_told_with_its_path(text: str) -> None:
    room = open_room()
    (room.folder / "room.json").write_text(text)
    with pytest.raises(StateError, match=r"room\.json"):
        room.port()
    assert server_url() is None


def test_a_second_command_says_that_it_waits_for_the_first() -> None:
    room, told, entered = open_room(), list[str](), threading.Event()

    def second() -> None:
        with room.locked(told.append):
            entered.set()

    with room.locked(told.append):
        thread = threading.Thread(target=second)
        thread.start()
        while not told:
            assert not entered.wait(0.01)
    thread.join()
    assert entered.is_set()
    assert told == ["another `nightwork up` or `nightwork down` is at work; waiting for it"]
