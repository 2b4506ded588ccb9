"""Turns items that are started one by one into waves, each a batch at half the price; what is too few goes live.

The engine asks its inbox for a name exactly when all that may start has been started: that is the moment at which a
wave is whole. Futures, and what is done with answers, complete in the thread that asks.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from nightwork import engine, stop
from nightwork.errors import ModelError, NightworkError, Unanswered
from nightwork.ledger import OverBudget
from nightwork.llm.batches import Miss, Missed
from nightwork.llm.messages import Reply
from nightwork.llm.sending import Sendings
from nightwork.llm.underway import Pace, Place, Underway
from nightwork.module_spec.asking.generate import Generated, Model, Prompt, Round, carry_on, failed, first_round
from nightwork.module_spec.document.header import digest
from nightwork.outcome import Outcome, Reason, Status, Unfinished

logger = logging.getLogger("nightwork.specs")
Finish = Callable[[Generated], Outcome]


@dataclass(eq=False)
class _Item:
    name: str
    round: Round
    finish: Finish
    future: Future[Outcome] = field(default_factory=Future)
    failures: int = 0
    is_live: bool = False
    places: list[Place] = field(default_factory=list)  # of its answers

    @property
    def key(self) -> str:
        return digest(self.round.prompt.key, self.round.request.model_dump_json())


_DEFAULT_PACE = Pace()
# What ends an item without saying anything of it, where others take it for the item's own failure.
_ABORTING: dict[type[BaseException], Reason] = {OverBudget: Reason.BUDGET, Unanswered: Reason.INFRASTRUCTURE}


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
        self._pace = pace
        self._clock = clock
        self._underway = Underway(sendings, pace, clock, wait) if sendings else None
        self._collected: list[_Item] = []
        self._events: queue.SimpleQueue[str | tuple[_Item, Future[Generated]]] = queue.SimpleQueue()
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
        """See to what earlier runs have sent and this one had no use for, unless it was cut short itself."""
        if self._underway is not None and not self._is_cut_short:
            self._underway.settle_rest()

    def _carry(self) -> None:
        """Send what was collected, and wait for what is sent in batches."""
        items, self._collected = self._collected, []
        try:
            if self._underway is not None:
                self._in_batches({item.key: item for item in items}, self._underway)
            else:
                for item in items:
                    self._send_live(item)
        except NightworkError as error:
            self._is_cut_short = True
            self._collected, again = [], self._collected
            for item in (*items, *again):
                if not item.is_live:
                    self._fail(item, error)

    def _in_batches(self, items: Mapping[str, _Item], underway: Underway) -> None:
        """Send items in batches, or live when that is not worth it, and take the answers of batches."""
        before = underway.holds(items)
        fresh = [item for key, item in items.items() if key not in before]
        if len(fresh) >= self._pace.smallest and not self._pace.is_late(self._clock()):
            self._send(fresh, underway)
        else:
            for item in fresh:
                self._send_live(item)
        waiting = {key: items[key] for key in underway.holds(items)}
        for place, result in underway.results(list(waiting)):
            self._take(waiting.pop(place.key), place, result)
        self._collected += waiting.values()  # found in a batch that turned out to be somebody else's

    def _send(self, items: Sequence[_Item], underway: Underway) -> None:
        """Send items as far as the money goes, the others with the next wave."""
        try:
            sent = underway.send({item.key: item.round.request for item in items})
            self._collected += [item for item in items if item.key not in sent]
        except OverBudget as error:
            for item in items:
                self._fail(item, error)
        except Unanswered as error:
            for item in items:
                self._finish(item, failed(str(error)))
        except ModelError as error:
            logger.warning("the provider takes no batch: %s", error)
            for item in items:
                self._send_live(item)

    def _take(self, item: _Item, place: Place, result: Reply | Miss) -> None:
        """Take what a batch says of an item: it is answered, or asked again in the next wave, or goes live."""
        item.places.append(place)
        if isinstance(result, Reply):
            judged = item.round.judge(result)
            if isinstance(judged, Generated):
                self._finish(item, judged)
            else:
                item.round = judged
                self._collected.append(item)
            return
        item.failures += result.kind is not Missed.CANCELED
        if result.may_retry and item.failures <= self._pace.max_retries:
            self._send_live(item)
        else:
            self._finish(item, failed(result.why))

    def _send_live(self, item: _Item) -> None:
        item.is_live = True
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
        if self._underway is not None:
            (self._underway.keep if outcome.status is Status.ABORTED else self._underway.use)(item.places)
        item.future.set_result(outcome)

    def _fail(self, item: _Item, error: BaseException) -> None:
        if item.future.done():
            return
        if self._underway is not None:
            self._underway.keep(item.places)
        reason = _ABORTING.get(type(error))
        if reason is not None:
            error = Unfinished(Outcome(status=Status.ABORTED, reason=reason, message=str(error)))
        item.future.set_exception(error)
