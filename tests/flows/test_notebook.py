"""What a flow came to comes back to who called it in Python, and nothing of that is left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.notebook import Board, run
from flows.overnight import overnight
from flows.review import review
from nightwork.errors import BadInput
from nightwork.outcome import Status
from nightwork.review import ReviewDocument
from nightwork.shown import Unended

Make = Callable[..., Path]


def handlers() -> list[set[logging.Handler]]:
    return [set(logging.getLogger(name).handlers) for name in ("", "nightwork")]


@pytest.mark.usefixtures("server")
def test_a_batch_returns_its_review_whether_or_not_it_completed(
    make_repository: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_repository({"A-1": {}, "A-2": {}}, {"A-2": {"C2": [[{"submit_work": {"summary": "none"}}]] * 3}})
    with pytest.raises(Unended, match="Incomplete: 1 completed, 1 failed") as caught:
        overnight(str(root), "night-1")
    assert isinstance(caught.value.result, ReviewDocument)
    capsys.readouterr()
    before = handlers()
    document = run(overnight, str(root), "night-1")
    assert isinstance(document, ReviewDocument)
    assert (document.batch_id, document.counts[Status.FAILED]) == ("night-1", 1)
    assert run(review, str(root)) == document
    told = capsys.readouterr()
    assert (told.out, "overnight: Incomplete: 1 completed, 1 failed" in told.err) == ("", True)
    assert "| INFO" not in told.err
    assert handlers() == before
    with get_client(sync_client=True) as client:
        kept = [run.state.data for run in client.read_flow_runs() if run.state and run.name.endswith("night-1")]
    assert kept and not any(kept)


@pytest.mark.usefixtures("server")
def test_wrong_use_is_raised(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        run(overnight, str(tmp_path))


def test_a_board_shows_the_newest_notes_and_keeps_them() -> None:
    drawn: list[str] = []
    board = Board(drawn.append)
    for number in range(9):
        board.handle(logging.makeLogRecord({"name": "nightwork.llm", "msg": f"note {number}\x1b[2J"}))
    board.leave_notes()
    assert drawn[-1].splitlines() == [f"note {number}[2J" for number in range(4, 9)]
    assert len(drawn) == 2
