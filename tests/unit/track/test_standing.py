from __future__ import annotations

import pytest

from nightwork.checkpoint import BatchState, save_checkpoint
from nightwork.errors import BadInput
from nightwork.outcome import PENDING, Outcome, Reason, Status
from nightwork.track.standing import take_up
from nightwork.track.track import open_track

SUBJECT = {"operation": "fix-review", "track": "course", "start": "1", "end": "3", "settings": "x"}


@pytest.fixture
def modules(course):
    return open_track(str(course())).modules


def checkpoint(tmp_path, modules, last):
    state = BatchState.new("track", "fix-review-course-1-3", [module.id for module in modules], SUBJECT)
    ended = [Outcome(status=Status.COMPLETED), Outcome(status=Status.FAILED, reason=Reason.STUCK), last]
    state.items = dict(zip(state.items, ended, strict=True))
    path = tmp_path / "checkpoint.json"
    save_checkpoint(state, path)
    return path


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.ESCALATED, Status.SKIPPED])
@pytest.mark.parametrize("change", [{"end": "2"}, {"settings": "y"}])
def test_a_run_that_came_to_its_end_gives_way_to_another(tmp_path, modules, status, change):
    path = checkpoint(tmp_path, modules, Outcome(status=status))
    assert set(take_up(path, SUBJECT | change, modules).items.values()) == {PENDING}


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.ABORTED])
def test_a_run_that_did_not_keeps_its_place(tmp_path, modules, status):
    path = checkpoint(tmp_path, modules, Outcome(status=status))
    with pytest.raises(BadInput, match="unfinished run of modules 1 to 3, 1 of 3 left; finish it"):
        take_up(path, SUBJECT | {"end": "2"}, modules)
    assert take_up(path, SUBJECT, modules).items[modules[0].id].status is Status.COMPLETED
