from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.manifest import Config, Entry, Manifest
from nightwork.order import Expectation, Item, ReadyList, cycles, with_ranks
from nightwork.ticket import Complexity


@st.composite
def graphs(draw, most=10):
    """Items in any order, without cycles, with few ranks."""
    size = draw(st.integers(0, most))
    items = [
        Item(
            f"T{n}",
            tuple(f"T{m}" for m in range(n) if draw(st.integers(0, 3)) == 0),
            (draw(st.integers(0, 2)),),
        )
        for n in range(size)
    ]
    return draw(st.permutations(items))


@given(graphs(), st.randoms(use_true_random=False))
def test_the_list_gives_what_a_search_through_all_items_would(items, random):
    ready, by_id = ReadyList(items), {item.id: item for item in items}
    taken, done, dropped, running = set(), set(), set(), []
    for _ in range(4 * len(items) + 1):
        free = [
            item for item in items if item.id not in taken and item.id not in dropped and set(item.dependencies) <= done
        ]
        best = min(free, key=lambda item: (item.rank, item.id), default=None)
        found = ready.pop()
        assert found == best
        if found:
            taken.add(found.id)
            running.append(found.id)
        if running and (found is None or random.random() < 0.5):
            name = running.pop(random.randrange(len(running)))
            if random.random() < 0.7:
                done.add(name)
                ready.finish(name)
            else:
                expected, frontier = set(), {name}
                while frontier:
                    frontier = {i.id for i in items if frontier & set(i.dependencies)} - expected
                    expected |= frontier
                fallen = ready.drop_dependents(name)
                assert {dependent for dependent, _ in fallen} == expected - dropped
                assert all(cause in by_id[dependent].dependencies for dependent, cause in fallen)
                assert len(fallen) == len({dependent for dependent, _ in fallen})
                dropped |= expected
    assert taken | dropped == set(by_id)
    assert not taken & dropped


def test_what_is_done_already_holds_nothing_up():
    ready = ReadyList([Item("A", ("X", "Y"))], done=["X", "Y"])
    assert ready.pop().id == "A"


def test_a_dependency_that_is_nowhere_is_refused():
    with pytest.raises(ValueError, match="'A' depends on 'X'"):
        ReadyList([Item("A", ("X",))])


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({}, []),
        ({"a": ["b"], "b": []}, []),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["b"], "b": ["a"]}, [["a", "b"]]),
        ({"c": ["a"], "a": ["b"], "b": ["c"], "d": ["a"], "e": ["e"]}, [["a", "b", "c"], ["e"]]),
    ],
)
def test_cycles_are_found_each_once(graph, expected):
    assert cycles(graph) == expected


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3)))
def test_an_id_is_in_a_cycle_exactly_when_it_can_reach_itself(graph):
    def reaches(name):
        found, frontier = set(), {name}
        while frontier:
            frontier = {other for current in frontier for other in graph.get(current, ())} - found
            found |= frontier
        return found

    assert {name for group in cycles(graph) for name in group} == {name for name in graph if name in reaches(name)}


@given(graphs())
def test_an_item_takes_the_best_rank_of_its_dependents_and_the_longest_chain(items):
    minutes = {item.id: float(len(item.id) + item.rank[0]) for item in items}
    ranked = with_ranks(items, minutes)
    by_id = {item.id: item for item in items}

    def after(name):
        return [item.id for item in items if name in item.dependencies]

    def best(name):
        return min([by_id[name].rank, *(best(other) for other in after(name))])

    def chain(name):
        return minutes[name] + max((chain(other) for other in after(name)), default=0.0)

    assert {item.id: item.rank for item in ranked} == {name: (*best(name), -chain(name)) for name in by_id}
    place = {item.id: number for number, item in enumerate(ranked)}
    assert all(place[name] < place[item.id] for item in ranked for name in item.dependencies)


def order(*entries):
    from datetime import UTC, datetime, timedelta

    manifest = Manifest(
        batch_id="b",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        repository="r",
        base="0" * 40,
        config=Config(timeout_per_ticket=timedelta(minutes=1)),
        tickets=[Entry(title="t", **entry) for entry in entries],
    )
    ready, found = ReadyList(manifest.items()), []
    while item := ready.pop():
        found.append(item.id)
        ready.finish(item.id)
    return found


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{"id": "b"}, {"id": "a"}], ["a", "b"]),
        ([{"id": "a"}, {"id": "b", "complexity": "large"}], ["b", "a"]),
        ([{"id": "a", "complexity": "large"}, {"id": "b", "priority": "high", "complexity": "trivial"}], ["b", "a"]),
        (
            [
                {"id": "a", "priority": p, "complexity": "small"} | {"id": p}
                for p in ("low", "critical", "high", "medium")
            ],
            ["critical", "high", "medium", "low"],
        ),
        ([{"id": "a"}, {"id": "b"}, {"id": "c", "dependencies": ["b"]}], ["b", "a", "c"]),
        (
            [
                {"id": "a", "priority": "high"},
                {"id": "z", "priority": "low"},
                {"id": "y", "priority": "critical", "dependencies": ["z"]},
            ],
            ["z", "y", "a"],
        ),
        ([{"id": "a"}, {"id": "b", "complexity": "medium"}], ["a", "b"]),
    ],
)
def test_the_order_is_priority_then_chain_then_id(entries, expected):
    assert order(*entries) == expected


def test_ten_thousand_items_are_ordered_in_a_moment():
    rng = random.Random(1)
    items = [
        Item(f"T{n:05}", tuple({f"T{rng.randrange(n):05}" for _ in range(3)}) if n else (), (rng.randrange(4),))
        for n in range(10_000)
    ]
    started = time.monotonic()
    ready, count = ReadyList(with_ranks(items, dict.fromkeys((i.id for i in items), 1.0))), 0
    while item := ready.pop():
        ready.finish(item.id)
        count += 1
    assert count == 10_000
    assert time.monotonic() - started < 5


def item(name, *files, rank=(0.0,)):
    return Item(name, (), rank, files)


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"),
    [
        (("src/a.py",), ("src/a.py",), True),
        (("src/a.py",), ("src/b.py", "src/*.py"), True),
        (("src/**",), ("src/deep/*.py",), True),
        (("src/a/*.py",), ("src/b/*.py",), False),
        (("src/a.py",), ("src/b.py",), False),
        ((), ("src/b.py",), False),
        (("[",), ("[",), True),
        (("*",), ("anything",), True),
    ],
)
def test_tickets_share_files_when_their_patterns_may_meet(ours, theirs, shared):
    assert item("A", *ours).shares_files(item("B", *theirs)) is shared
    assert item("B", *theirs).shares_files(item("A", *ours)) is shared


def test_among_equals_one_goes_first_whose_files_nobody_works_on():
    ready = ReadyList([item("A", "x.py"), item("B", "x.py"), item("C", "y.py"), item("D", "z.py", rank=(1.0,))])
    running = [ready.pop()]
    assert running[0].id == "A"
    assert [ready.pop(running).id, ready.pop(running).id, ready.pop(running).id] == ["C", "B", "D"]


@given(graphs(), st.lists(st.sampled_from(["a", "b", "a*"]), max_size=3))
def test_files_decide_among_equals_only_and_never_keep_a_ticket_back(items, files):
    with_files = [Item(i.id, i.dependencies, i.rank, tuple(files[: len(i.id) % 3])) for i in items]
    plain, ready = ReadyList(items), ReadyList(with_files)
    running = [item("Z", "a", "b")]
    while (expected := plain.pop()) is not None:
        found = ready.pop(running)
        assert found is not None
        assert found.rank == expected.rank
        plain.finish(expected.id)
        ready.finish(found.id)
        if expected.id != found.id:
            break  # another of the same rank: from here on the two lists may differ
    else:
        assert ready.pop(running) is None


def test_what_tickets_have_taken_moves_what_is_expected_of_them_but_one_alone_does_not():
    assert Expectation().minutes(Complexity.SMALL) == 8
    assert Expectation().minutes(None) == Expectation().minutes(Complexity.MEDIUM) == 15
    assert Expectation({Complexity.SMALL: [90.0]}).minutes(Complexity.SMALL) == 8
    assert Expectation({Complexity.SMALL: [60.0, 61.0, 62.0, 63.0]}).minutes(Complexity.SMALL) == 60
    assert Expectation({Complexity.SMALL: [60.0] * 9}).minutes(Complexity.LARGE) == 30
