from __future__ import annotations

import random
from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.change import Change, ChangedFile
from nightwork.gates.judgement import GateStatus
from nightwork.together import EXACT, Conflict, Together, first_failing, merge_order, some, unproven_pairs

BASE = "0" * 40


def change(name, *files, parent=BASE, origin=BASE):
    """Make a change; a file is "M path", or "R old new"."""
    found = []
    for file in files:
        status, *paths = file.split()
        old = paths[0] if len(paths) > 1 else None
        found.append(ChangedFile(path=paths[-1], status=status, added=1, deleted=0, old_path=old))
    return Change(
        ticket=name,
        attempt=1,
        title=name,
        branch=f"agent/{name}",
        parent=parent,
        origin=origin,
        commit=name.rjust(40, "f"),
        tree="c" * 40,
        files=tuple(found),
    )


def are_merged(one, other) -> bool:
    found = {bool(unproven_pairs(pair)) for pair in ([one, other], [other, one])}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        (["M a"], ["M b"], False),
        (["M a", "A b/c"], ["M b/d"], False),
        (["M a"], ["M a"], True),
        (["M a"], ["M A"], False),
        (["A lib"], ["A lib/x/y"], True),
        (["D lib"], ["M lib/x"], True),
        (["A lib-x"], ["A lib/x"], False),
        (["R old/a new/a"], ["M old/a"], True),
        (["R old/a new/a"], ["A new/a"], True),
        (["R old/a new/a"], ["A old/b"], True),
        (["R old/a new/a"], ["M old/b"], False),
        (["R old/a new/a"], ["D old/b"], True),
        (["D old/a"], ["A old/b"], True),
        (["D old/a"], ["D old/b"], False),
        (["X odd"], ["M b", "A c"], True),
        ([], ["M a"], False),
    ],
)
def test_only_pairs_that_could_conflict_are_merged(one, other, merged):
    assert are_merged(change("A", *one), change("B", *other)) is merged


def test_branches_that_start_elsewhere_or_have_several_commits_are_merged():
    plain = change("A", "M a")
    assert are_merged(plain, change("B", "M b", parent="1" * 40, origin="1" * 40))
    assert are_merged(plain, change("B", "M b", parent="1" * 40))
    assert are_merged(change("B", "M b", parent="1" * 40), change("C", "M c", parent="2" * 40))


def test_a_branch_is_not_merged_with_the_one_that_it_stands_on():
    below = change("A", "M a")
    above = change("B", "M a", parent=below.commit, origin=below.commit)
    assert not are_merged(below, above)


def brute_force(queue, conflicts, stacked_on):
    """Return the best choice by trying all: the most, then the one that holds the earliest."""
    for size in range(len(queue), 0, -1):
        for kept in combinations(queue, size):
            whole = all(below in kept for name in kept for below in stacked_on.get(name, ()))
            if whole and not any(set(pair) <= set(kept) for pair in conflicts):
                return set(kept)
    return set()


@st.composite
def batches(draw, most):
    count = draw(st.integers(0, most))
    queue = draw(st.permutations([f"T{number}" for number in range(count)]))
    pairs = [(a, b) for a, b in combinations(sorted(queue), 2)]
    conflicts = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    stacked = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    outside = {"T0": ["gone"]} if count and draw(st.booleans()) else {}
    return queue, conflicts, {b: [a for a, c in stacked if c == b] for _, b in stacked} | outside


@given(batches(most=8))
def test_the_order_keeps_as_many_as_can_be_and_the_earliest_of_them(batch):
    queue, conflicts, stacked_on = batch
    assert set(merge_order(queue, conflicts, stacked_on)) == brute_force(queue, conflicts, stacked_on)


@given(batches(most=3 * EXACT))
def test_the_order_is_free_of_conflicts_and_follows_the_stacks(batch):
    queue, conflicts, stacked_on = batch
    order = merge_order(queue, conflicts, stacked_on)
    assert not any(set(pair) <= set(order) for pair in conflicts)
    for number, name in enumerate(order):
        assert set(stacked_on.get(name, ())) <= set(order[:number])
    assert order == merge_order(queue, random.Random(1).sample(conflicts, len(conflicts)), dict(stacked_on))


def test_what_is_free_is_merged_in_the_order_of_the_queue():
    assert merge_order(["C", "A", "B"], [], {}) == ["C", "A", "B"]
    assert merge_order(["C", "A", "B"], [], {"C": ["B"]}) == ["A", "B", "C"]


def test_two_that_stand_on_a_branch_count_with_it():
    conflicts = [("A", "B"), ("A", "B1"), ("A", "B2")]
    assert merge_order(["A", "B", "B1", "B2"], conflicts, {"B1": ["B"], "B2": ["B"]}) == ["B", "B1", "B2"]


def test_many_branches_that_all_hang_together_are_chosen_from():
    names = [f"T{number:03}" for number in range(300)]
    chance = random.Random(7)
    conflicts = [pair for pair in combinations(names, 2) if chance.random() < 0.02]
    assert len(merge_order(names, conflicts, {})) > 100


@given(st.integers(1, 64), st.data())
def test_the_first_that_fails_is_found_by_halving(count, data):
    bad = data.draw(st.integers(1, count))
    asked = []

    def passes(length: int) -> bool:
        asked.append(length)
        return length < bad

    assert first_failing(0, count, passes) == bad
    assert len(asked) <= ceil(log2(count)) if count > 1 else not asked


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_tests_that_come_and_go_still_lead_to_one_that_fails_behind_one_that_passes(results):
    prefixes = [True, *results, False]
    found = first_failing(0, len(prefixes) - 1, prefixes.__getitem__)
    assert (prefixes[found - 1], prefixes[found]) == (True, False)


def test_a_summary_says_how_many_go_together():
    known = Together(key="k", base=BASE, candidates=("A", "B", "C"), order=("A", "B"), tests_passed=1)
    assert known.model_copy(update={"status": GateStatus.PASSED}).summary() == "2 of 3 go together and pass 1 test"
    failed = known.model_copy(update={"status": GateStatus.FAILED, "detail": "not told"})
    assert failed.summary() == "2 of 3 go together and pass 1 test; not told"
    idle = known.model_copy(update={"detail": "no gate"})
    assert idle.summary() == "2 of 3 merge cleanly; their tests did not run together: no gate"
    assert known.model_copy(update={"key": "", "detail": "stopped"}).summary() == "not told: stopped"
    assert known.model_copy(update={"candidates": ("A",)}).summary().startswith("nothing to combine")


def test_rivals_are_told_of_the_commit_that_was_compared_only():
    known = Together(key="k", base=BASE, commits={"A": "1", "B": "2"}, conflicts=(Conflict(tickets=("A", "B")),))
    assert (known.rivals_of("A", "1"), known.rivals_of("B", "2")) == (("B",), ("A",))
    assert known.rivals_of("A", "9") == ()
    assert known.rivals_of("C", "1") == ()


def test_long_lists_are_cut():
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(["a", "b", "c"], 20) == "a, b, c and 17 more"
