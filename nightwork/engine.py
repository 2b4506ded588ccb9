"""The one loop behind every kind of batch: starts what may start, notes what came of it, skips what cannot follow.

It knows neither Prefect nor what an item is: `submit` starts an item and returns a future, whose result is an Outcome.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from nightwork import stop
from nightwork.order import Item, ReadyList
from nightwork.outcome import PENDING, Outcome, Reason, Status, outcome_of_error


class Future(Protocol):
    """An item under way: a Prefect task's future, or a thread pool's."""

    def add_done_callback(self, function: Callable[[Any], None], /) -> object:
        """Call `function` once when the item has ended."""

    def result(self) -> Any:
        """Return the item's Outcome, or raise what ended it."""


class Inbox(Protocol):
    """Where the names of ended items arrive; `put` may be called from any thread."""

    def put(self, name: str, /) -> None:
        """Leave a name."""

    def get(self) -> str:
        """Wait for a name and take it, oldest first."""


Submit = Callable[[str], Future]
Record = Callable[[str, Outcome], None]
Admit = Callable[[str], Outcome | None]
# After which others may start that depend on an item: its work is what they stand on.
ONLY_COMPLETED = frozenset({Status.COMPLETED})


def guarded(work: Callable[[], Outcome]) -> Outcome:
    """Return what came of `work`, whatever it raised: the per-item boundary, so that no item can stop the others."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001
        return outcome_of_error(error)


def run(
    items: Sequence[Item],
    known: Mapping[str, Outcome],
    submit: Submit,
    *,
    parallel: int,
    record: Record,
    admit: Admit = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    inbox: Inbox | None = None,
    releases: Set[Status] = ONLY_COMPLETED,
) -> dict[str, Outcome]:
    """Run all items that `known` does not hold as settled, at most `parallel` at a time; returns every item's outcome.

    `record` is told of each start (running) and each end, from this thread only and in the order of events; an end is
    recorded before anything that depends on it starts. `admit` is asked before each start: an Outcome (a deadline, a
    budget, a stop) is what the item gets instead. Dependents of what did not end in one of `releases` are skipped.
    A simulation gives a `clock` and an `inbox` of its own, whose `get` lets time pass.
    """
    inbox = inbox or queue.SimpleQueue()
    return _Run(items, known, submit, record, admit, clock, inbox, releases).until_all_ended(parallel)


def refusal(deadline: datetime | None, minutes: float = 0.0) -> Outcome | None:
    """Say why an item that is expected to take so many minutes may not be started; None when it may."""
    if stop.is_requested():
        return Outcome(status=Status.ABORTED, reason=Reason.STOPPED, message="the run was stopped")
    if deadline is None or datetime.now(UTC) + timedelta(minutes=minutes) <= deadline:
        return None
    told = f"{deadline:%Y-%m-%d %H:%M %Z}"
    message = f"about {minutes:.0f} minutes of work do not end before {told}" if minutes else f"{told} is over"
    return Outcome(status=Status.ABORTED, reason=Reason.DEADLINE, message=message)


def startable(items: Sequence[Item], settled: Mapping[str, Outcome]) -> list[str]:
    """Return what could start at once: not settled, and everything it depends on completed."""
    done = {name for name, outcome in settled.items() if outcome.status in ONLY_COMPLETED}
    return [item.id for item in items if item.id not in settled and done.issuperset(item.dependencies)]


class _Run:
    def __init__(
        self,
        items: Sequence[Item],
        known: Mapping[str, Outcome],
        submit: Submit,
        record: Record,
        admit: Admit,
        clock: Callable[[], datetime],
        inbox: Inbox,
        releases: Set[Status],
    ) -> None:
        settled = {name: outcome for name, outcome in known.items() if outcome.is_settled()}
        self.outcomes = {item.id: settled[item.id] for item in items if item.id in settled}
        self.attempts = {name: outcome.attempt for name, outcome in known.items()}
        self.waiting = {item.id for item in items if item.id not in settled}
        self.items = {item.id: item for item in items}
        self.ready = ReadyList(items)
        self.submit = submit
        self.record = record
        self.admit = admit
        self.clock = clock
        self.running: dict[str, Future] = {}
        self.started: dict[str, datetime] = {}
        self.ended = inbox
        self.releases = releases

    def until_all_ended(self, parallel: int) -> dict[str, Outcome]:
        for name, outcome in list(self.outcomes.items()):
            self._release(name, outcome)
        while self.waiting or self.running:
            self._start_ready(parallel)
            if self.running:
                self._collect(self.ended.get())
            elif self.waiting:
                raise ValueError(f"dependencies form a cycle among {sorted(self.waiting)}")
        return self.outcomes

    def _start_ready(self, parallel: int) -> None:
        while len(self.running) < parallel and (item := self.ready.pop(self.items[name] for name in self.running)):
            if item.id not in self.waiting:
                continue
            refused = self.admit(item.id)
            if refused is not None:
                self._end(item.id, refused)
            else:
                self._start(item.id)

    def _start(self, name: str) -> None:
        self.started[name] = self.clock()
        self.record(name, self._stamped(name, Outcome(status=Status.RUNNING)))
        future = None

        def submit() -> Outcome:
            nonlocal future
            future = self.submit(name)
            return PENDING

        outcome = guarded(submit)
        if future is None:
            self._end(name, outcome)
            return
        self.running[name] = future
        future.add_done_callback(lambda _: self.ended.put(name))

    def _collect(self, name: str) -> None:
        self._end(name, guarded(self.running.pop(name).result))

    def _end(self, name: str, outcome: Outcome) -> None:
        self.waiting.discard(name)
        self.outcomes[name] = self._stamped(name, outcome).with_(ended_at=self.clock())
        self.record(name, self.outcomes[name])
        self._release(name, outcome)

    def _release(self, name: str, outcome: Outcome) -> None:
        """Let start what waited for an item, or skip it when the item did not complete."""
        if outcome.status in self.releases:
            self.ready.finish(name)
            return
        statuses = {name: outcome.status}
        for dependent, cause in self.ready.drop_dependents(name):
            if dependent in self.waiting:
                message = f"depends on {cause}, which is {statuses[cause]}"
                skipped = Outcome(status=Status.SKIPPED, reason=Reason.DEPENDENCY, message=message)
                self.waiting.discard(dependent)
                self.outcomes[dependent] = self._stamped(dependent, skipped)
                self.record(dependent, self.outcomes[dependent])
            statuses[dependent] = self.outcomes[dependent].status if dependent in self.outcomes else Status.SKIPPED

    def _stamped(self, name: str, outcome: Outcome) -> Outcome:
        return outcome.with_(attempt=self.attempts.get(name, 1), started_at=self.started.get(name))
