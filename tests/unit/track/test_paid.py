"""What is paid for: the real client over HTTP, a real ledger, and a budget at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from messages_server import Answer, Asked, MessagesServer, tools

from nightwork.track.batch import run_range
from nightwork.track.range import Operation, check
from nightwork.track.result import TrackResult
from nightwork.track_settings import TrackOptions
from tests.tracks import fix, make_track, review

LESSONS = ("one", "two", "three")
WORDS = 500
GOOD, BAD = review(9)[0][0], review(5)[0][0]


@dataclass
class Course:
    """A track whose writer and reviewer are asked over HTTP."""

    folder: Path
    server: MessagesServer
    tokens: Callable[[Asked], int] = lambda _: 200
    asked: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        """Review as bad what is as it was, mend it, and review that as good; cut off at the length that is allowed."""
        tool = asked.body["tools"][0]["name"]
        is_new = "Mended" in asked.words()
        lesson = next(name for name in LESSONS if f"lesson {name}" in asked.words())
        said = fix(f"# Mended lesson {lesson}\n")[0][0] if tool == "submit_fix" else GOOD if is_new else BAD
        self.asked.append(f"{tool} {'new' if is_new else 'old'} {lesson}")
        wanted, most = self.tokens(asked), asked.body["max_tokens"]
        if wanted > most:
            return Answer(blocks=({"type": "text", "text": "I beg"},), stop_reason="max_tokens", output_tokens=most)
        return replace(tools(said), output_tokens=wanted)

    def run(self, budget_usd: float | None = None) -> TrackResult:
        """Run fix-review over all of it."""
        return run_range(check(Operation.FIX_REVIEW, str(self.folder), 1, 3, TrackOptions(budget_usd=budget_usd)))


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Course]:
    texts = {name: f"# A lesson {name}\n\n" + "word " * WORDS + "\n" for name in LESSONS}
    settings = {"model": "claude-haiku-4-5", "parallel": 1, "retries": 1, "max_retries": 0}
    folder = make_track(tmp_path / "track", texts, {}, settings)
    with MessagesServer(lambda asked: found.answer(asked)) as server:
        found = Course(folder, server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        yield found


def test_a_budget_that_leaves_no_room_for_a_whole_text_ends_the_module_as_aborted_and_it_goes_on_later(
    course: Course,
) -> None:
    course.tokens = lambda asked: 9_000 if asked.body["tools"][0]["name"] == "submit_fix" else 200
    result = course.run(budget_usd=0.065)
    assert [row.label() for row in result.rows] == ["aborted(budget)"] * 3
    assert result.cost_usd <= 0.065
    again = course.run(budget_usd=5)
    assert [row.label() for row in again.rows] == ["completed"] * 3
    assert max(Counter(course.asked).values()) == 1, "nothing is paid twice"


@pytest.mark.parametrize("cents", [1, 9, 11])
def test_no_budget_is_overshot_and_what_it_cut_short_goes_on(course: Course, cents: int) -> None:
    result = course.run(budget_usd=cents / 100)
    assert {row.label() for row in result.rows} <= {"completed", "aborted(budget)"}
    assert result.cost_usd <= cents / 100
    assert course.run(budget_usd=cents / 100).counts() == result.counts()
    assert [row.label() for row in course.run(budget_usd=5).rows] == ["completed"] * 3
    assert max(Counter(course.asked).values()) == 1
