"""Turns items that are started one by one into waves, each a batch at half the price; what is too few goes live.

The engine asks its inbox for a name exactly when all that may start has been started: that is the moment at which a
wave is whole. Futures, and what is done with answers, complete in the thread that asks.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from nightwork import engine, stop
from nightwork.errors import ModelError, NightworkError, Unanswered
from nightwork.ledger import OverBudget
from nightwork.llm.batches import Miss, Missed
from nightwork.llm.journal import Sending
from nightwork.llm.messages import Reply
from nightwork.llm.sending import Sendings
from nightwork.module_spec.generate import Generated, Model, Prompt, Round, carry_on, failed, first_round
from nightwork.module_spec.header import digest
from nightwork.outcome import Outcome, Reason, Status, Unfinished

logger = logging.getLogger("nightwork.specs")
Finish = Callable[[Generated], Outcome]
# The provider ends every batch within a day; one that is not heard of for longer is not waited for.
_LONGEST = timedelta(hours=26)


@dataclass(frozen=True)
class Pace:
    """When a wave is worth a batch, and how often a batch is asked for."""

    smallest: int = 4  # items
    deadline: datetime | None = None
    near: timedelta = timedelta(hours=1)  # before the deadline nothing waits for a batch any more
    first_poll_s: float = 5.0
    longest_poll_s: float = 60.0
    parallel: int = 3  # live calls
    max_retries: int = 3  # of a request that a batch did not answer


@dataclass(eq=False)
class _Item:
    name: str
    round: Round
    finish: Finish
    future: Future[Outcome] = field(default_factory=Future)
    failures: int = 0
    goes_live: bool = False
    answers: list[tuple[Sending, str]] = field(default_factory=list)  # where its answers stand, and under which key

    @property
    def key(self) -> str:
        return digest(self.round.prompt.key, self.round.request.model_dump_json())


_DEFAULT_PACE = Pace()


class Waves:
    """An inbox for `nightwork.engine.run`, and where its items get their answers; a context that ends its threads.

    Without `sendings` everything goes live. `wait` is how a poll is waited for.
    """

    def __init__(
        self,
        model: Model,
        sendings: Sendings | None,
        pace: Pace = _DEFAULT_PACE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], object] = stop.wait,
    ) -> None:
        self._model = model
        self._sendings = sendings
        self._pace = pace
        self._clock = clock
        self._wait = wait
        self._collected: list[_Item] = []
        self._events: queue.SimpleQueue[str | tuple[_Item, Future[Generated]]] = queue.SimpleQueue()
        self._left: list[Sending] | None = None
        self._used: dict[str, set[str]] = {}
        self._needed: set[str] = set()  # batches that a resume will ask for
        self._is_cut_short = False
        self._pool = ThreadPoolExecutor(pace.parallel, thread_name_prefix="specs")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, name: str, prompt: Prompt, finish: Finish) -> Future[Outcome]:
        """Ask for a unit's answer; `finish` makes an outcome of it and is called once, in the thread of `get`."""
        item = _Item(name, first_round(prompt), finish)
        self._collected.append(item)
        return item.future

    def put(self, name: str) -> None:
        """Leave the name of an item that has ended, whoever ran it."""
        self._events.put(name)

    def get(self) -> str:
        """Return the name of an item that has ended; first sends what was collected, when none has."""
        while True:
            if self._events.empty() and self._collected:
                self._carry()
                continue
            event = self._events.get()
            if isinstance(event, str):
                return event
            self._take_live(*event)

    def settle_rest(self) -> None:
        """See to what earlier runs have sent and this one had no use for: what has ended is settled and forgotten.

        What has not is asked to end; a later run settles it. What an item needs that was aborted stays as it is.
        """
        for sending in self._open() if self._sendings and not self._is_cut_short else ():
            assert self._sendings is not None
            if sending.id in self._needed:
                continue
            try:
                if not self._sendings.has_ended(sending):
                    self._sendings.cancel(sending)
                elif self._sendings.collect(sending) is not None or self._sendings.disown(sending) is None:
                    self._sendings.forget(sending)
            except Unanswered as error:
                logger.warning("a batch of an earlier run is not settled yet: %s", error)

    def _carry(self) -> None:
        """Send what was collected, and wait for what is sent in batches."""
        items, self._collected = self._collected, []
        try:
            live = [item for item in items if item.goes_live]
            rest = [item for item in items if not item.goes_live]
            live += self._in_batches(rest) if self._is_worth_it(rest) else rest
            for item in live:
                self._send_live(item)
        except NightworkError as error:
            self._is_cut_short = True
            self._collected, again = [], self._collected
            for item in (*items, *again):
                self._fail(item, error)

    def _is_worth_it(self, items: Sequence[_Item]) -> bool:
        if self._sendings is None or not items:
            return False
        return bool(self._sent_before(items)) or (len(items) >= self._pace.smallest and not self._is_late())

    def _sent_before(self, items: Iterable[_Item]) -> list[_Item]:
        sent = {entry.key for sending in self._open() for entry in sending.entries.values()}
        return [item for item in items if item.key in sent]

    def _open(self) -> list[Sending]:
        """Return what was sent and is not forgotten, that of earlier runs first."""
        if self._left is None:
            self._left = self._sendings.left() if self._sendings else []
        return self._left

    def _in_batches(self, items: Sequence[_Item]) -> list[_Item]:
        """Send items in batches and take their answers; returns those that are to go live."""
        before = self._sent_before(items)
        fresh = [item for item in items if item not in before]
        if self._is_late() or len(fresh) < self._pace.smallest:
            return [*fresh, *self._await(before)]
        try:
            sent = self._send(fresh)
        except Unanswered as error:
            for item in fresh:
                self._finish(item, failed(str(error)))
            return self._await(before)
        except ModelError as error:
            logger.warning("the provider takes no batch: %s", error)
            return [*fresh, *self._await(before)]
        return self._await([*before, *sent])

    def _send(self, items: Sequence[_Item]) -> list[_Item]:
        """Send items as far as the money goes; the others wait for what is left of it."""
        assert self._sendings is not None
        try:
            self._open().extend(self._sendings.send({item.key: item.round.request for item in items}))
        except OverBudget as error:
            for item in items:
                self._fail(item, error)
            return []
        sent = self._sent_before(items)
        self._collected += [item for item in items if item not in sent]
        return sent

    def _await(self, items: Sequence[_Item]) -> list[_Item]:
        """Wait for every batch that holds one of the items; returns the items that are to go live."""
        waiting = {item.key: item for item in items}
        live: list[_Item] = []
        pause_s = self._pace.first_poll_s
        while batches := [each for each in self._open() if any(e.key in waiting for e in each.entries.values())]:
            open_before = len(waiting)
            for sending in batches:
                if self._has_ended(sending):
                    live += self._take(sending, waiting)
            if waiting and len(waiting) == open_before:
                self._wait(pause_s)
                pause_s = min(2 * pause_s, self._pace.longest_poll_s)
        self._collected += waiting.values()  # in a batch that turned out to be somebody else's
        return live

    def _has_ended(self, sending: Sending) -> bool:
        assert self._sendings is not None
        now, deadline = self._clock(), self._pace.deadline
        try:
            if self._sendings.has_ended(sending):
                return True
            if self._is_late():
                self._sendings.cancel(sending)
        except Unanswered as error:
            if now - sending.at > _LONGEST:
                raise
            logger.info("batch %s: %s; asked again later", sending.batch, error)
        if deadline is not None and now >= deadline:
            message = "a batch was not ended by the deadline; a resume collects it"
            raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.DEADLINE, message=message))
        return False

    def _take(self, sending: Sending, waiting: dict[str, _Item]) -> list[_Item]:
        """Hand out the results of a batch; returns the items that are to go live."""
        assert self._sendings is not None
        results = self._sendings.collect(sending)
        if results is None:
            other = self._sendings.disown(sending)
            self._open()[:] = [each for each in (*self._open(), other) if each is not None and each is not sending]
            return []
        taken = [(waiting.pop(key), result) for key, result in results.items() if key in waiting]
        for item, _ in taken:
            item.answers.append((sending, item.key))
        return [item for item, result in taken if not self._is_answered(item, result)]

    def _is_answered(self, item: _Item, result: Reply | Miss) -> bool:
        """Take an item's result, and say whether it needs no call of its own."""
        if isinstance(result, Reply):
            self._judge(item, result)
            return True
        item.goes_live = True
        item.failures += result.kind is not Missed.CANCELED
        if result.kind is Missed.CANCELED or (result.may_retry and item.failures <= self._pace.max_retries):
            return False
        self._finish(item, failed(result.why))
        return True

    def _judge(self, item: _Item, reply: Reply) -> None:
        judged = item.round.judge(reply)
        if isinstance(judged, Generated):
            self._finish(item, judged)
        else:
            item.round = judged
            self._collected.append(item)

    def _send_live(self, item: _Item) -> None:
        answered = self._pool.submit(carry_on, item.round, self._model)
        answered.add_done_callback(lambda future: self._events.put((item, future)))

    def _take_live(self, item: _Item, answered: Future[Generated]) -> None:
        error = answered.exception()
        if error is not None:
            self._fail(item, error)
        else:
            self._finish(item, answered.result())

    def _finish(self, item: _Item, generated: Generated) -> None:
        outcome = engine.guarded(lambda: item.finish(generated))
        if outcome.status is Status.ABORTED:
            self._needed.update(sending.id for sending, _ in item.answers)
        else:
            self._forget(item.answers)
        item.future.set_result(outcome)

    def _forget(self, answers: Iterable[tuple[Sending, str]]) -> None:
        """Note that answers are used; a batch whose answers all are is forgotten."""
        for sending, key in answers:
            used = self._used.setdefault(sending.id, set())
            used.add(key)
            if self._sendings is not None and used == {entry.key for entry in sending.entries.values()}:
                self._sendings.forget(sending)
                self._open().remove(sending)

    def _fail(self, item: _Item, error: BaseException) -> None:
        if item.future.done():
            return
        if isinstance(error, OverBudget):
            spent = Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=str(error))
            error = Unfinished(spent)
        item.future.set_exception(error)

    def _is_late(self) -> bool:
        deadline = self._pace.deadline
        return deadline is not None and deadline - self._clock() < self._pace.near
