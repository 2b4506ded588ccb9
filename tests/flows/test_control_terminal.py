"""How the control room reads on a terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console

from flows.control.schedules import Due
from flows.control.terminal import changes, render
from flows.control.up import Standing

DUE = (
    Due("intake", "0 17 * * 1-5", "Europe/Berlin", datetime(2026, 3, 2, 17, tzinfo=UTC)),
    Due("overnight", "0 */2 * * *", "Europe/Berlin", datetime(2026, 3, 2, 18, tzinfo=UTC)),
    Due("drift", "0 7 * * 1", "Europe/Berlin", None),
    Due("module-specs", "0 4 * * *", "Europe/Berlin", None),
    Due("gates", "5-10 7 1 * SUN", "Etc/UTC", None),
    Due("review", "@midnight", "Etc/UTC", None),
    Due("answers", "30 0 14 * * *", "Etc/UTC", None),
)


def standing(**changed: object) -> Standing:
    given = {
        "api": "http://127.0.0.1:4200/api",
        "ui": "http://127.0.0.1:4200",
        "server_pid": 7,
        "workers": {"worker-1": 8},
        "repo": "/repo",
        "schedules": DUE,
        "is_paused": False,
        "notified_about": 5,
        **changed,
    }
    return Standing(**given)  # type: ignore[arg-type]


def text(found: Standing, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(render(found))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_schedules_are_told_in_words_those_that_are_not_ours_as_they_are() -> None:
    told = text(standing())
    assert "intake        Mon-Fri 17:00          next Mon 2026-03-02 17:00 Europe/Berlin" in told
    assert "overnight     every 2 hours          next" in told
    assert "drift         Mon 07:00              off" in told
    assert "module-specs  daily 04:00            off" in told
    assert "gates         5-10 7 1 * SUN         off" in told
    assert "review        @midnight              off" in told
    assert "answers       30 0 14 * * *          off" in told
    assert "switches them on" not in told


def test_what_is_not_set_says_how_to_set_it() -> None:
    told = " ".join(
        text(standing(repo=".", schedules=DUE[2:], notified_about=0, is_paused=True, server_pid=None)).split()
    )
    for way in ("--repo PATH", "--schedule weekly", "--notify slack-webhook/NAME", "resume it in the UI", "elsewhere"):
        assert way in told


def test_a_repository_of_hostile_name_cannot_write_on_the_terminal() -> None:
    told = text(standing(repo="/x\x1b]0;owned\x07[red]y"))
    assert "\x1b" not in told and "\x07" not in told
    assert "[red]y" in told


def test_the_same_done_to_several_is_one_line() -> None:
    done = ("server: started", "deployment a: made", "deployment b: made", "automation 'n: x': made")
    assert changes(standing(done=done)) == ["server: started", "2 deployments: made", "automation 'n: x': made"]
