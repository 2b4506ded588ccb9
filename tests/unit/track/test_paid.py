"""Operations that are paid for, through the real client: what a run costs, what a kill and a budget cost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from messages_server import Answer, Asked, MessagesServer, tools

from nightwork.files import read_records
from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track.result import TrackResult
from nightwork.track_settings import TrackOptions
from tests.tracks import fix, make_track, review

MODEL = "claude-opus-5-5"
LESSONS = ("one", "two", "three", "four")
RUN = """
import sys
from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track_settings import TrackOptions
run_range(check(Operation.FIX_REVIEW, sys.argv[1], 1, int(sys.argv[2]), TrackOptions()))
"""


class Provider:
    """Reviews an old document with 5 and a mended one with 9; kills the run that asks at the request of a number."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.pid = self.kill_at = 0

    def __call__(self, asked: Asked) -> Answer:
        words, (tool,) = asked.words(), [each["name"] for each in asked.body["tools"]]
        (lesson,) = re.findall(r"Lesson (\w+)\.", words)[:1]
        is_mended = "Mended." in words
        self.asked[lesson, f"{tool} {is_mended}"] += 1
        self.kill_at -= 1
        if self.kill_at == 0:
            os.kill(self.pid, signal.SIGKILL)
        if tool == "submit_fix":
            return tools(**fix(text_of(lesson) + "Mended.\n")[0][0])
        return tools(**review(9 if is_mended else 5)[0][0])


def text_of(lesson: str) -> str:
    return f"# A lesson\n\nLesson {lesson}.\n"


def run(folder: Path, **options: Any) -> TrackResult:
    return run_range(check(Operation.FIX_REVIEW, str(folder), 1, len(LESSONS), TrackOptions(**options)))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    say = Provider()
    with MessagesServer(say) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        yield say


def course(folder: Path) -> Path:
    return make_track(folder / "course", {name: text_of(name) for name in LESSONS}, {}, {"model": MODEL, "parallel": 2})


def test_each_step_is_asked_once_and_what_it_costs_is_told(provider: Provider, tmp_path: Path) -> None:
    result = run(course(tmp_path))
    assert result.counts() == {"completed": 4}
    assert set(provider.asked.values()) == {1}
    assert provider.asked.total() == 3 * len(LESSONS)
    assert result.cost_usd > 0
    assert sum(row.cost_usd for row in result.rows) == pytest.approx(result.cost_usd)


def test_after_kills_nothing_is_paid_twice_but_what_was_in_flight(provider: Provider, tmp_path: Path) -> None:
    folder, kills = course(tmp_path), (2, 3, 1, 4)
    for kill_at in kills:
        with subprocess.Popen([sys.executable, "-c", RUN, str(folder), str(len(LESSONS))]) as process:
            provider.pid, provider.kill_at = process.pid, kill_at
        assert process.returncode == -signal.SIGKILL
    assert run(folder).counts() == {"completed": 4}
    assert len(provider.asked) == 3 * len(LESSONS)
    assert provider.asked.total() <= 3 * len(LESSONS) + 2 * len(kills)


def test_a_budget_ends_the_run_before_it_is_overshot_and_a_larger_one_goes_on(
    provider: Provider, tmp_path: Path
) -> None:
    folder = course(tmp_path)
    poor = run(folder, budget_usd=0.36)  # one answer may cost 0.32, and is never asked to be shorter than it has to be
    assert {row.label() for row in poor.rows} >= {"aborted(budget)"}
    assert poor.cost_usd <= 0.36
    paid = provider.asked.copy()
    rich = run(folder, budget_usd=100)
    assert rich.counts() == {"completed": 4}
    assert set(provider.asked.values()) == {1}
    assert paid.total() < provider.asked.total()


def test_what_the_models_said_is_kept_as_a_conversation_for_each_module(provider: Provider, tmp_path: Path) -> None:
    folder = course(tmp_path)
    run(folder)
    paths = sorted(folder.glob(".nightwork/tracks/*/*/*/try-1/trajectory.jsonl"))
    assert [path.parts[-3] for path in paths] == ["001-one", "002-two", "003-three", "004-four"]
    stages = [record["stage"] for record in read_records(paths[0]) if record["kind"] == "assistant"]
    assert stages == ["review 0", "fix 1", "review 1"]
    assert provider.asked.total() == 12
