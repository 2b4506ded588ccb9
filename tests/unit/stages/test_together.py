"""Changes of a real batch, merged into one tree and tested: who goes together, and who breaks the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nightwork import stop
from nightwork.batch import Batch
from nightwork.decision import Kind
from nightwork.gate_settings import GateSettings, Measure
from nightwork.gates.judgement import GateStatus
from nightwork.gates.report import GateRun
from nightwork.manifest import save_manifest
from nightwork.outcome import Outcome, Reason, Status
from nightwork.settings import SandboxSettings
from nightwork.stages import combining, gates, generation, together
from nightwork.stages.review import decide, document_of, review
from nightwork.together import Together
from nightwork.workspace import Repository

Night = Any
OWN_FILE = 'echo "$NIGHTWORK_TICKET" > "$NIGHTWORK_TICKET.txt"'
EIGHT = "ABCDEFGH"


@dataclass
class Gates:
    """The real gates, which note for how many changes they ran."""

    counts: list[int] = field(default_factory=list)

    def __call__(self, ref: combining.CombinedRef, name: str, tree: str, number: int) -> GateRun:
        self.counts.append(ref.count)
        return combining.gate(ref, name, tree, number)


def gate_of(line: str) -> GateSettings:
    return GateSettings(name="tests", measures=Measure.TESTS, command=("sh", "-c", line))


def combined(batch: Batch, line: str | None = None, step: Gates | None = None) -> Together:
    """Combine the changes of a batch, with a shell line as its tests."""
    if line is not None:
        batch.keep_settings(batch.settings().model_copy(update={"gates": (gate_of(line),) if line else ()}))
    assert together.combine(batch, step or Gates()).status is Status.COMPLETED
    record = batch.together()
    assert record is not None
    return record


def unconfined(batch: Batch) -> Batch:
    """Let the gates of a batch leave marks outside of their checkout."""
    batch.keep_settings(batch.settings().model_copy(update={"sandbox": SandboxSettings(confine=False)}))
    return batch


def left_out(record: Together) -> dict[str, str]:
    return {each.ticket: each.reason for each in record.left_out}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders in which batches were run once; tests work on copies."""
    return {name: tmp_path_factory.mktemp(name) for name in ("eight", "tangled")}


@pytest.fixture
def copy_of(night: Night, made: dict[str, Path], tmp_path: Path) -> Callable[..., Batch]:
    """Return a maker of batches that have been through the gates: tickets as {id: dependencies}, the agent's line."""

    def copy(name: str, tickets: dict[str, list[str]], command: str, **files: str) -> Batch:
        kept = made[name] / "repository"
        if not kept.exists():
            for old in (night.root / "tickets").iterdir():
                old.unlink()
            for ticket, dependencies in tickets.items():
                night.ticket(ticket, dependencies=dependencies)
            for file, text in files.items():
                night.write(file, text)
            night.settings(command)
            night.commit()
            night.run()
            shutil.copytree(night.root, kept, symlinks=True)
        target = tmp_path / "copy"
        shutil.copytree(kept, target, symlinks=True)
        (batch,) = (target / ".nightwork" / "batches").iterdir()
        (batch / "together.json").unlink(missing_ok=True)
        return Batch(target, batch.name)

    return copy


@pytest.fixture
def eight(copy_of: Callable[..., Batch]) -> Batch:
    """Return a batch of eight changes, each of which adds a file of its own."""
    return copy_of("eight", {name: [] for name in EIGHT}, OWN_FILE)


@pytest.fixture
def tangled(copy_of: Callable[..., Batch]) -> Batch:
    """Return a batch in which A and B change the same line, C stands on B, and D is alone."""
    command = 'case "$NIGHTWORK_TICKET" in [AB]) echo "$NIGHTWORK_TICKET" > shared;; *) ' + OWN_FILE + ";; esac"
    return copy_of("tangled", {"A": [], "B": [], "C": ["B"], "D": []}, command, shared="start\n")


def test_all_that_go_together_become_one_commit_whose_tests_run_once(eight: Batch, git: Any) -> None:
    record = combined(eight)
    assert (record.status, record.order, record.gate_runs) == (GateStatus.PASSED, tuple(EIGHT), 1)
    assert record.summary() == "8 of 8 go together and pass 1 test"
    files = git(eight.repository, "ls-tree", "--name-only", record.commit).split()
    assert {f"{name}.txt" for name in EIGHT} <= set(files)
    assert git(eight.repository, "for-each-ref", "refs/nightwork") == ""
    assert git(eight.repository, "status", "--porcelain") == ""


def test_two_that_fail_only_together_are_found_by_halving(eight: Batch) -> None:
    gates = Gates()
    record = combined(eight, "test ! -e C.txt || test ! -e F.txt", gates)
    assert [(each.ticket, each.tests) for each in record.culprits] == [("F", ("tests",))]
    assert (record.status, record.order) == (GateStatus.PASSED, tuple("ABCDEGH"))
    assert gates.counts == [8, 8, 4, 6, 6, 5, 7]  # what fails is run twice, to tell the flaky ones
    assert record.gate_runs == 7
    whys = {row.ticket: row.why for row in document_of(eight).queue}
    assert "breaks tests once the others are merged: tests" in whys["F"]
    assert not any("breaks" in why for ticket, why in whys.items() if ticket != "F")


def test_every_culprit_is_taken_out_in_its_turn(eight: Batch) -> None:
    record = combined(eight, "{ test ! -e A.txt || test ! -e B.txt; } && { test ! -e D.txt || test ! -e H.txt; }")
    assert [each.ticket for each in record.culprits] == ["B", "H"]
    assert record.order == tuple("ACDEFG")


def test_the_search_ends_after_five_culprits(eight: Batch) -> None:
    record = combined(eight, "test $(ls [A-H].txt | wc -l) -le 1")
    assert [each.ticket for each in record.culprits] == list("BCDEF")
    assert (record.status, record.order) == (GateStatus.FAILED, ("A",))
    assert sorted(left_out(record)) == ["G", "H"]
    assert "of 2 it is not told" in record.summary()


def test_no_search_begins_once_its_time_is_over(eight: Batch) -> None:
    eight.keep_settings(eight.settings().model_copy(update={"gates": (gate_of("test ! -e C.txt || test ! -e F.txt"),)}))
    changes = {name: change for name in EIGHT if (change := eight.change(name, 1))}
    gates = Gates()
    search = combining.Search(eight, Repository(eight.repository), changes, gates, limit_s=0)
    found = combining.without_culprits(search, search.extend(combining.Built((search.base,)), EIGHT))
    assert (found.status, found.built.order, gates.counts) == (GateStatus.FAILED, (), [8, 8])
    assert len(found.built.left_out) == 8


def test_a_test_that_passes_the_second_time_breaks_nobody(eight: Batch, tmp_path: Path) -> None:
    record = combined(unconfined(eight), f"test ! -e H.txt || test -e {tmp_path}/seen || ! touch {tmp_path}/seen")
    assert (record.status, record.culprits, record.gate_runs) == (GateStatus.PASSED, (), 2)
    assert record.detail == "flaky: tests"


def test_the_same_commits_and_gates_are_combined_once(eight: Batch) -> None:
    first, again = combined(eight), Gates()
    assert combined(eight, step=again) == first
    assert again.counts == []
    assert combined(eight, "test -e A.txt || true", again).key != first.key
    assert again.counts == [8]


def test_what_was_rejected_is_no_longer_combined(eight: Batch) -> None:
    decide(eight, "C", Kind.REJECT, "no")
    decide(eight, "H", Kind.APPROVE, "")
    assert combined(eight).order == tuple("HABDEFG")


def test_without_gates_for_tests_only_the_merges_are_told(tangled: Batch) -> None:
    record = combined(tangled, "")
    assert (record.status, record.detail, record.gate_runs) == (GateStatus.NOT_RUN, "no gate measures tests", 0)
    assert record.order == ("B", "C", "D")


def test_tests_that_cannot_run_are_not_passed(eight: Batch) -> None:
    missing = GateSettings(name="tests", measures=Measure.TESTS, command=("./no-such-tool",))
    eight.keep_settings(eight.settings().model_copy(update={"gates": (missing,)}))
    record = combined(eight)
    assert record.status is GateStatus.NOT_RUN
    assert "could not run on the base" in record.summary()


def test_the_most_that_do_not_conflict_are_kept_and_the_rows_say_with_whom(tangled: Batch) -> None:
    record = combined(tangled)
    assert [(each.tickets, each.files) for each in record.conflicts] == [
        (("A", "B"), ("shared",)),
        (("A", "C"), ("shared",)),
    ]
    assert (record.order, left_out(record)) == (("B", "C", "D"), {"A": "conflicts with B in shared"})
    rows = {row.ticket: row for row in review(str(tangled.repository), tangled.id).queue}
    assert {name: row.conflicts_with for name, row in rows.items()} == {
        "A": ("B", "C"),
        "B": ("A",),
        "C": ("A",),
        "D": (),
    }
    assert "conflicts with B, C" in rows["A"].why
    decide(tangled, "A", Kind.REJECT, "B is better")
    assert {row.conflicts_with for row in document_of(tangled).queue if row.ticket != "A"} == {()}


def test_a_change_is_left_out_that_conflicts_with_the_base_of_the_batch(tangled: Batch, git: Any) -> None:
    (tangled.repository / "shared").write_text("moved on\n")
    git(tangled.repository, "commit", "--quiet", "--all", "--message", "moved on")
    base = git(tangled.repository, "rev-parse", "HEAD")
    save_manifest(tangled.manifest().model_copy(update={"base": base}), tangled.folder / "manifest.yaml")
    record = combined(tangled)
    assert (record.status, record.order) == (GateStatus.PASSED, ("D",))
    assert left_out(record) == dict.fromkeys("ABC", "conflicts with the base commit in shared")
    assert record.gate_runs == 1


def test_with_less_than_two_changes_nothing_is_run(tangled: Batch) -> None:
    for name in "ABC":
        decide(tangled, name, Kind.REJECT, "no")
    gates = Gates()
    record = combined(tangled, step=gates)
    assert record.summary() == "nothing to combine: fewer than two changes passed their gates"
    assert (record.status, record.order, gates.counts) == (GateStatus.NOT_RUN, ("D",), [])
    assert not together.is_due(tangled)


def test_trouble_of_the_machine_is_told_in_the_review_and_tried_again_by_a_resume(eight: Batch) -> None:
    commit = next(row.commit for row in document_of(eight).queue if row.ticket == "C")
    lost = eight.repository / ".git" / "objects" / commit[:2] / commit[2:]
    kept = lost.read_bytes()
    lost.chmod(0o644)
    lost.unlink()
    assert together.combine(eight).reason is Reason.INFRASTRUCTURE
    document = review(str(eight.repository), eight.id)
    assert document.together
    assert document.together.status is GateStatus.NOT_RUN
    assert "merge-tree" in document.together.summary
    assert generation.has_work(eight, retry_failed=False)
    lost.write_bytes(kept)
    assert combined(eight).status is GateStatus.PASSED
    assert not generation.has_work(eight, retry_failed=False)


def test_a_record_that_cannot_be_read_is_not_written_over(eight: Batch) -> None:
    path = eight.folder / "together.json"
    path.write_text("{")
    with pytest.raises(Exception, match=r"together\.json"):
        together.combine(eight)
    assert path.read_text() == "{"


def test_a_stop_leaves_the_rest_to_a_resume(eight: Batch) -> None:
    def stopped(*arguments: Any) -> GateRun:
        stop.request("a test")
        return combining.gate(*arguments)

    outcome: Outcome = together.combine(eight, stopped)
    assert (outcome.status, outcome.reason) == (Status.ABORTED, Reason.STOPPED)
    record = eight.together()
    assert record
    assert (record.key, record.order) == ("", tuple(EIGHT))
    assert record.summary().startswith("not told: ")
    assert together.is_due(eight)


def test_the_report_shows_the_order_as_commands_and_the_conflicts_as_a_matrix(tangled: Batch) -> None:
    assert together.results(tangled) == "# Together\n\nNot tried."
    combined(tangled)
    text = together.results(tangled)
    assert "git merge --no-ff agent/B\ngit merge --no-ff agent/C\ngit merge --no-ff agent/D\n" in text
    assert "| A |  | shared | shared |" in text
    assert "| A | conflicts with B in shared |" in text


def test_the_report_of_a_culprit_names_its_tests(eight: Batch) -> None:
    combined(eight, "test ! -e C.txt || test ! -e F.txt")
    text = together.results(eight)
    assert "| F | tests: 1 failing | tests |" in text
    assert "No two of the 8 changes conflict." in text
    assert json.loads((eight.folder / "together.json").read_text())["gate_runs"] == 7


def test_a_machine_that_was_slow_once_makes_no_culprit(eight: Batch, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"[ ! -e H.txt ] || [ -e {mark} ] || {{ touch {mark}; exec sleep 60; }}"
    slow = gate_of(line).model_copy(update={"timeout": timedelta(seconds=2)})
    unconfined(eight).keep_settings(eight.settings().model_copy(update={"gates": (slow,)}))
    record = combined(eight)
    assert mark.exists()
    assert (record.status, record.culprits, len(record.order)) == (GateStatus.PASSED, (), 8)


def test_tests_that_only_the_combined_tree_loses_have_a_culprit(eight: Batch) -> None:
    cases = "".join(f'<testcase classname="t" name="{name}"/>' for name in ("one", "two"))
    lost = '<testsuite><testcase classname="t" name="one"/></testsuite>'
    line = f"if [ -e C.txt ] && [ -e F.txt ]; then echo '{lost}'; else echo '<testsuite>{cases}</testsuite>'; fi"
    gate = gate_of(line).model_copy(update={"report": "junit"})
    eight.keep_settings(eight.settings().model_copy(update={"gates": (gate,)}))
    record = combined(eight)
    assert [(each.ticket, each.tests, each.detail) for each in record.culprits] == [
        ("F", ("t::two",), "1 no longer run")
    ]
    assert record.status is GateStatus.PASSED


def test_what_only_a_culprit_kept_out_comes_back(tangled: Batch) -> None:
    record = combined(tangled)
    assert "A" in left_out(record)
    record = combined(tangled, "! grep -q B shared")
    assert ("B" in [each.ticket for each in record.culprits], "A" in record.order) == (True, True)


def test_an_approval_counts_when_the_changes_are_combined_again(tangled: Batch) -> None:
    decide(tangled, "C", Kind.REJECT, "")
    (before,) = {"A", "B"} & set(combined(tangled).order)
    other = "B" if before == "A" else "A"
    decide(tangled, other, Kind.APPROVE, "")
    assert {"A", "B"} & set(combined(tangled).order) == {other}


def test_tests_that_could_not_run_on_the_base_are_tried_again_by_a_resume(eight: Batch, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    gate = GateSettings(name="tests", measures=Measure.TESTS, command=(str(tool),))
    eight.keep_settings(eight.settings().model_copy(update={"gates": (gate,)}))
    assert combined(eight).status is GateStatus.NOT_RUN
    assert together.is_due(eight)
    tool.write_text("#!/bin/sh\nexit 0\n")
    tool.chmod(0o755)
    gates.try_again(eight)
    assert combined(eight).status is GateStatus.PASSED
