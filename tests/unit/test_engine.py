from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightwork import engine
from nightwork.errors import Infrastructure, ModelError, Stopped
from nightwork.order import Item
from nightwork.outcome import Outcome, Reason, Status, Unfinished

DONE = Outcome(status=Status.COMPLETED)
FAILED = Outcome(status=Status.FAILED, reason=Reason.GAVE_UP)
RAISES = "raises"


class Log:
    """What the engine recorded, in its order."""

    def __init__(self):
        self.rows = []
        self.thread = threading.get_ident()

    def __call__(self, name, outcome):
        assert threading.get_ident() == self.thread
        self.rows.append((name, outcome))

    def of(self, name):
        return [outcome.status for row, outcome in self.rows if row == name]

    def place(self, name, started):
        return next(
            n for n, (row, o) in enumerate(self.rows) if row == name and (o.status is Status.RUNNING) == started
        )


def at_once(results):
    def submit(name):
        future = Future()
        result = results.get(name, DONE)
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
        return future

    return submit


def run(items, results=None, known=None, parallel=2, **more):
    log = Log()
    return engine.run(items, known or {}, at_once(results or {}), parallel=parallel, record=log, **more), log


ends = st.sampled_from(
    [DONE, DONE, DONE, DONE, FAILED, Outcome(status=Status.PARTIAL), Outcome(status=Status.ESCALATED), RAISES]
)


@st.composite
def batches(draw):
    size = draw(st.integers(0, 12))
    items = [
        Item(f"T{n}", tuple(f"T{m}" for m in range(n) if draw(st.integers(0, 3)) == 0), (draw(st.integers(0, 2)),))
        for n in range(size)
    ]
    plan = {item.id: (draw(ends), draw(st.integers(0, 3)) / 2000) for item in items}
    # What an earlier run left behind: a settled item's dependencies had completed.
    known = {}
    for item in items:
        if all(known.get(name, FAILED).status is Status.COMPLETED for name in item.dependencies) and draw(
            st.booleans()
        ):
            known[item.id] = Outcome(status=draw(st.sampled_from([*Status])), attempt=draw(st.integers(1, 3)))
    return draw(st.permutations(items)), plan, known, draw(st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_every_item_has_one_end_and_nothing_starts_before_its_dependencies(batch):
    items, plan, known, parallel = batch
    log, lock = Log(), threading.Lock()
    now, most, submitted = 0, 0, []

    def work(name):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        result, delay = plan[name]
        time.sleep(delay)
        with lock:
            now -= 1
        if result == RAISES:
            raise ValueError(name)
        return result

    def submit(name):
        submitted.append(name)
        return pool.submit(work, name)

    with ThreadPoolExecutor(8) as pool:
        found = engine.run(items, known, submit, parallel=parallel, record=log)

    by_id = {item.id: item for item in items}
    settled = {name for name, outcome in known.items() if outcome.is_settled()}
    assert most <= parallel
    assert set(found) == set(by_id)
    assert len(submitted) == len(set(submitted))
    assert not settled & set(submitted)
    for name, item in by_id.items():
        if name in settled:
            assert log.of(name) == []
            assert found[name] == known[name]
            continue
        assert found[name].attempt == (known[name].attempt if name in known else 1)
        complete = all(found[other].status is Status.COMPLETED for other in item.dependencies)
        if complete:
            assert len(log.of(name)) == 2
            assert log.of(name)[0] is Status.RUNNING
            assert found[name].status == (Status.ABORTED if plan[name][0] == RAISES else plan[name][0].status)
            assert found[name].started_at <= found[name].ended_at
            for other in set(item.dependencies) - settled:
                assert log.place(other, started=False) < log.place(name, started=True)
        else:
            assert log.of(name) == [Status.SKIPPED]
            assert found[name].reason is Reason.DEPENDENCY
            assert any(cause in found[name].message for cause in item.dependencies)


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (ValueError("x"), "aborted(internal)"),
        (Infrastructure("disk", "full"), "aborted(infrastructure)"),
        (OSError(28, "full"), "aborted(infrastructure)"),
        (Stopped("x"), "aborted(stopped)"),
        (ModelError("m", "x"), "failed(error)"),
        (Unfinished(FAILED), "failed(gave_up)"),
        (CancelledError(), "aborted(internal)"),
        (FileNotFoundError(2, "none", "caf\udce9"), "aborted(infrastructure)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value,
)
@pytest.mark.parametrize("where", ["submit", "future"])
def test_what_one_item_raises_ends_that_item_alone(where, error, label):
    def submit(name):
        if name == "A" and where == "submit":
            raise error
        return at_once({"A": error})(name)

    log = Log()
    items = [Item("A"), Item("B"), Item("C", ("A",))]
    found = engine.run(items, {}, submit, parallel=1, record=log)
    assert {name: outcome.label() for name, outcome in found.items()} == {
        "A": label,
        "B": "completed",
        "C": "skipped(dependency)",
    }
    assert [name for name, outcome in log.rows if outcome.status is not Status.RUNNING] == ["A", "C", "B"]


def test_a_refused_item_gets_what_admission_says_and_is_never_started():
    late = Outcome(status=Status.ABORTED, reason=Reason.DEADLINE)
    items = [Item("A"), Item("B"), Item("C", ("B",))]
    found, log = run(items, admit=lambda name: late if name == "B" else None)
    assert [found[name].label() for name in "ABC"] == ["completed", "aborted(deadline)", "skipped(dependency)"]
    assert log.of("B") == [Status.ABORTED]
    assert found["B"].started_at is None


def test_admission_is_asked_right_before_each_start():
    asked = []
    run([Item("A"), Item("B", ("A",))], admit=asked.append)
    assert asked == ["A", "B"]


def test_a_completed_item_of_an_earlier_run_lets_its_dependents_start():
    found, log = run([Item("A"), Item("B", ("A",))], known={"A": DONE})
    assert log.of("A") == []
    assert found["B"].status is Status.COMPLETED


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.SKIPPED, Status.ABORTED])
def test_an_unsettled_item_of_an_earlier_run_runs_again_as_the_same_attempt(status):
    found, log = run([Item("A")], known={"A": Outcome(status=status, attempt=2)})
    assert (found["A"].status, found["A"].attempt) == (Status.COMPLETED, 2)
    assert [outcome.attempt for _, outcome in log.rows] == [2, 2]


def test_a_skipped_item_says_what_kept_it():
    found, _ = run([Item("A"), Item("B", ("A",)), Item("C", ("B",))], {"A": FAILED})
    assert found["B"].message == "depends on A, which is failed"
    assert found["C"].message == "depends on B, which is skipped"


def test_the_better_rank_starts_first():
    _, log = run([Item("A", rank=(2,)), Item("B", rank=(1,)), Item("C", rank=(1,))], parallel=1)
    assert [name for name, outcome in log.rows if outcome.status is Status.RUNNING] == ["B", "C", "A"]


def test_a_cycle_is_an_error_and_not_an_endless_wait():
    with pytest.raises(ValueError, match=r"cycle among \['A', 'B'\]"):
        run([Item("A", ("B",)), Item("B", ("A",)), Item("C")])


def test_known_items_that_are_not_in_the_batch_are_no_concern():
    found, _log = run([Item("A")], known={"Z": FAILED})
    assert set(found) == {"A"}


def test_what_could_start_at_once_depends_on_completed_items_only():
    items = [Item("A"), Item("B", ("A",)), Item("C", ("D",)), Item("D"), Item("E", ("A", "D"))]
    assert engine.startable(items, {"A": DONE, "D": FAILED}) == ["B"]


def test_five_thousand_items_end_in_a_moment():
    items = [Item(f"T{n}", (f"T{n - 1}",) if n % 50 else ()) for n in range(5000)]
    started = time.monotonic()
    found, _ = run(items, {"T100": FAILED}, parallel=8)
    assert sum(outcome.status is Status.SKIPPED for outcome in found.values()) == 49
    assert time.monotonic() - started < 5
