"""What `nightwork clean` may take, and what it must leave."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from nightwork.batch import Batch
from nightwork.checkpoint import BatchState, save_checkpoint
from nightwork.decision import Kind
from nightwork.lock import hold
from nightwork.outcome import Outcome, Reason, Status
from nightwork.stages.clean import DAY_S, Waste, removals
from nightwork.stages.review import decide
from nightwork.workspace import Repository

Night = Any


def found(night: Night, keep_days: float = 30, later_days: float = 0) -> dict[str, str]:
    repository = Repository.open(night.root)
    now = time.time() + later_days * DAY_S
    return {each.name: each.kind for each in removals(repository, repository.resolve("HEAD"), keep_days, now)}


def sweep(night: Night, keep_days: float = 30, later_days: float = 0) -> None:
    repository = Repository.open(night.root)
    with hold(night.root, "clean"):
        for each in removals(repository, repository.resolve("HEAD"), keep_days, time.time() + later_days * DAY_S):
            each.remove()


@pytest.fixture
def done(night: Night) -> Batch:
    for name in "CD":
        night.ticket(name)
    batch, _ = night.run()
    return batch


def test_what_waits_for_a_decision_is_never_touched(night: Night, done: Batch) -> None:
    before = night.git("for-each-ref"), sorted(done.folder.rglob("*"))
    later = found(night, later_days=400)
    assert set(later.values()) == {Waste.MEASUREMENT}
    sweep(night, later_days=400)
    assert before == (night.git("for-each-ref"), sorted(done.folder.rglob("*")))


def test_branches_of_rejected_and_of_merged_work_go_and_approved_ones_stay(night: Night, done: Batch) -> None:
    decide(done, "A", Kind.APPROVE, "")
    decide(done, "C", Kind.REJECT, "")
    decide(done, "D", Kind.APPROVE, "")
    night.git("merge", "--quiet", "--no-ff", "agent/D")
    assert found(night) == {"agent/C": Waste.BRANCH, "agent/D": Waste.BRANCH}
    sweep(night)
    assert night.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split() == [
        "agent/A",
        "agent/B",
        "main",
    ]
    assert found(night) == {}


def test_a_rejected_branch_to_which_somebody_has_added_stays(night: Night, done: Batch) -> None:
    decide(done, "C", Kind.REJECT, "")
    night.git("update-ref", "refs/heads/agent/C", night.git("rev-parse", "main"))
    assert found(night) == {}


def test_work_that_a_resume_goes_on_with_stays_and_worktrees_at_rest_go(night: Night, done: Batch) -> None:
    repository = Repository.open(night.root)
    head = repository.resolve("HEAD")
    for name in "ACD":
        repository.add_worktree(done.worktree(name), head)
    repository.add_worktree(done.checkout("A"), head)
    state = done.state()
    state.items["C"] = Outcome(status=Status.ABORTED, reason=Reason.STOPPED)
    state.items["D"] = Outcome(status=Status.ESCALATED, reason=Reason.DATA)
    done.save(state)
    assert found(night) == {"A/agent": Waste.WORKTREE, "A/gates": Waste.WORKTREE}
    sweep(night)
    assert not done.worktree("A").exists()
    assert done.worktree("C").exists()
    assert night.git("worktree", "list").count("/agent") == 2


def test_kept_work_of_what_is_over_goes(night: Night, done: Batch) -> None:
    tip = night.git("rev-parse", "main")
    for ref in ("wip/C", "old/C/1", "wip/A", "old/A/1", "old/CC/1"):
        night.git("update-ref", f"refs/nightwork/{ref}", tip)
    decide(done, "C", Kind.REJECT, "")
    sweep(night)
    refs = night.git("for-each-ref", "--format=%(refname)", "refs/nightwork").split()
    assert refs == ["refs/nightwork/old/A/1", "refs/nightwork/old/CC/1", "refs/nightwork/wip/A"]


def test_old_trajectories_of_what_is_settled_go_and_their_costs_stay_known(night: Night, done: Batch) -> None:
    decide(done, "C", Kind.REJECT, "")
    assert Waste.TRAJECTORY not in found(night).values()
    sweep(night, later_days=31)
    assert not (done.attempt_folder("C", 1) / "trajectory.jsonl").exists()
    assert (done.attempt_folder("C", 1) / "judgement.json").exists()
    assert (done.attempt_folder("A", 1) / "trajectory.jsonl").exists()


def test_a_batch_whose_intake_was_killed_goes(night: Night, done: Batch) -> None:
    half = done.folder.parent / "half"
    (half / "tickets").mkdir(parents=True)
    assert found(night) == {"half": Waste.HALF_BATCH}
    sweep(night)
    assert not half.exists()


def test_a_repository_without_batches_has_nothing_to_clean(night: Night) -> None:
    assert found(night) == {}


def test_what_is_not_ours_below_the_state_folder_is_left_alone(night: Night, done: Batch, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "gates").mkdir(parents=True)
    (precious / "gates" / "file").write_text("mine")
    places = night.root / ".nightwork" / "worktrees"
    places.mkdir(exist_ok=True)
    (places / "link").symlink_to(precious)
    (places / ".DS_Store").write_text("")
    night.git("worktree", "add", "--quiet", "--detach", str(places / "mine" / "gates"))
    (places / "mine" / "gates" / "unsaved").write_text("mine")
    (places.parent / "measurements" / "dangling").symlink_to("nowhere")
    sweep(night)
    assert (precious / "gates" / "file").exists()
    assert (places / "mine" / "gates" / "unsaved").exists()


def test_a_branch_that_is_checked_out_or_undecided_stays(night: Night, done: Batch, tmp_path: Path) -> None:
    decide(done, "C", Kind.REJECT, "")
    night.git("worktree", "add", "--quiet", str(tmp_path / "look"), "agent/C")
    night.git("merge", "--quiet", "--no-ff", "agent/D")
    assert found(night) == {}


def test_nothing_counts_as_merged_while_the_checkout_stands_on_a_tickets_branch(night: Night, done: Batch) -> None:
    for name in "AB":
        decide(done, name, Kind.APPROVE, "")
    night.git("switch", "--quiet", "agent/B")
    repository = Repository.open(night.root)
    assert repository.is_on_a_branch_of_ours()
    assert removals(repository, None, 30) == []


def test_trajectories_that_a_later_night_may_need_stay(night: Night, done: Batch) -> None:
    state = done.state()
    state.items["C"] = state.items["C"].with_(status=Status.FAILED, reason=Reason.ERROR)
    state.items["D"] = state.items["D"].with_(status=Status.SKIPPED, reason=Reason.CLOSED)
    done.save(state)
    assert Waste.TRAJECTORY not in found(night, later_days=99).values()
    state.items["D"] = state.items["D"].with_(reason=Reason.CARRIED_OVER)
    done.save(state)
    assert Waste.TRAJECTORY in found(night, later_days=99).values()


def test_an_environment_that_the_next_batch_finds_stays_however_old_it_is(night: Night, done: Batch) -> None:
    folder = night.root / ".nightwork" / "environments"
    for name in ("old", "used"):
        (folder / name).mkdir(parents=True)
        (folder / f"{name}.whole").touch()
    now = time.time() + 99 * DAY_S
    told = removals(Repository.open(night.root), "HEAD", 30, now, in_use=folder / "used")
    assert [each.name for each in told if each.kind is Waste.ENVIRONMENT] == ["old", "old.whole"]


def test_what_a_run_in_the_background_has_said_goes_when_it_is_old_and_the_run_has_ended(
    done: Batch, night: Night
) -> None:
    runs = night.root / ".nightwork" / "runs"
    runs.mkdir()
    for name in ("ended", "living"):
        (runs / f"overnight-{name}-20260115180000.output").write_text("said\n")
    stat = Path(f"/proc/{os.getpid()}/stat").read_text().replace(") S", ") R")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    (runs / "overnight-living-20260115180000.pid").write_text(stat + boot)
    assert Waste.OUTPUT not in found(night).values()
    assert [name for name, kind in found(night, later_days=40).items() if kind is Waste.OUTPUT] == [
        "overnight-ended-20260115180000"
    ]
    sweep(night, later_days=40)
    assert sorted(path.name for path in runs.iterdir()) == [
        "overnight-living-20260115180000.output",
        "overnight-living-20260115180000.pid",
    ]


def test_conversations_of_runs_over_a_track_go_when_they_are_old_and_no_checkpoint_names_them(night: Night) -> None:
    folder = night.root / ".nightwork" / "tracks" / "fix-review-course"
    kept = BatchState.new("track", "fix-review-course-1-2", ["001-one"])
    save_checkpoint(kept, night.root / ".checkpoints" / "fix-review-course.json")
    for name in (kept.run_id, "gone"):
        (folder / name / "001-one" / "try-1").mkdir(parents=True)
    (folder / "report.md").write_text("# Report\n")
    repository = Repository.open(night.root)
    assert not [each for each in removals(repository, None, 30) if each.kind is Waste.TRACK_RUN]
    later = time.time() + 31 * DAY_S
    assert [each.name for each in removals(repository, None, 30, later) if each.kind is Waste.TRACK_RUN] == ["gone"]
