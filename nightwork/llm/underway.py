"""The batches under way, of this run and earlier ones, by the keys of their requests: waited for, used, forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightwork.errors import NightworkError, Unanswered
from nightwork.llm.batches import Miss
from nightwork.llm.journal import Sending
from nightwork.llm.messages import Reply, Request
from nightwork.llm.sending import Sendings
from nightwork.outcome import Outcome, Reason, Status, Unfinished

logger = logging.getLogger("nightwork.llm")
# The provider ends every batch within a day; one that is not heard of for longer is not waited for.
_LONGEST = timedelta(hours=26)


@dataclass(frozen=True)
class Pace:
    """When a wave is worth a batch, and how often a batch is asked for."""

    smallest: int = 4  # requests
    deadline: datetime | None = None
    near: timedelta = timedelta(hours=1)  # before the deadline nothing waits for a batch any more
    first_poll_s: float = 5.0
    longest_poll_s: float = 60.0
    parallel: int = 3  # live calls
    max_retries: int = 3  # of a request that a batch did not answer

    def is_late(self, now: datetime) -> bool:
        """Say whether the deadline is too near for a batch."""
        return self.deadline is not None and self.deadline - now < self.near


@dataclass(frozen=True)
class Place:
    """Where an answer stands: in which batch, and under which key."""

    sending: Sending
    key: str


class Underway:
    """Batches under way; their answers stay until they are noted as used, so that a killed run's resume finds them."""

    def __init__(
        self, sendings: Sendings, pace: Pace, clock: Callable[[], datetime], wait: Callable[[float], object]
    ) -> None:
        self._sendings = sendings
        self._pace = pace
        self._clock = clock
        self._wait = wait
        self._left: list[Sending] | None = None
        self._used: dict[str, set[str]] = {}
        self._needed: set[str] = set()

    def holds(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that are sent already."""
        return {key for key in keys if any(key in sending.keys for sending in self._open())}

    def send(self, requests: Mapping[str, Request]) -> set[str]:
        """Send requests by their keys; returns those for which there was money. Raises as `Sendings.send` does."""
        self._open().extend(self._sendings.send(requests))
        return self.holds(requests)

    def results(self, keys: Collection[str]) -> Iterator[tuple[Place, Reply | Miss]]:
        """Yield what comes of requests, as their batches end; a key of no batch under way is passed over.

        Raises Stopped when the run is to end, and Unfinished at the deadline.
        """
        waiting = set(keys)
        pause_s = self._pace.first_poll_s
        while batches := [sending for sending in self._open() if not waiting.isdisjoint(sending.keys)]:
            has_news = False
            for sending in batches:
                found = self._looked_at(sending)
                if found is not None:
                    has_news = True
                    yield from ((Place(sending, key), found[key]) for key in found if key in waiting)
                    waiting -= found.keys()
            if not has_news:
                self._wait(pause_s)
                pause_s = min(2 * pause_s, self._pace.longest_poll_s)

    def use(self, places: Iterable[Place]) -> None:
        """Note that answers are used for good; a batch whose answers all are is forgotten."""
        for place in places:
            used = self._used.setdefault(place.sending.id, set())
            used.add(place.key)
            if used == place.sending.keys:
                self._forget(place.sending)

    def keep(self, places: Iterable[Place]) -> None:
        """Note that a resume will ask for these answers again."""
        self._needed.update(place.sending.id for place in places)

    def settle_rest(self) -> None:
        """Settle and forget what has ended and nobody had a use for, and ask for the end of what has not.

        For a run that has ended by itself; what is to be kept stays as it is.
        """
        try:
            for sending in [each for each in self._open() if each.id not in self._needed]:
                if not self._sendings.has_ended(sending):
                    self._sendings.cancel(sending)
                elif self._collected(sending):
                    self._forget(sending)
        except NightworkError as error:
            logger.warning("what earlier runs have sent is not settled yet: %s", error)

    def _open(self) -> list[Sending]:
        if self._left is None:
            self._left = self._sendings.left()
        return self._left

    def _looked_at(self, sending: Sending) -> dict[str, Reply | Miss] | None:
        """Return a batch's results; None while there are none. Near the deadline it is asked to end."""
        now, deadline = self._clock(), self._pace.deadline
        try:
            if self._sendings.has_ended(sending):
                return self._collected(sending)
            if self._pace.is_late(now):
                self._sendings.cancel(sending)
        except Unanswered as error:
            if now - sending.at > _LONGEST:
                raise _aborted(Reason.INFRASTRUCTURE, f"batch {sending.batch}: {error}") from error
            logger.info("batch %s: %s; asked again later", sending.batch, error)
        if deadline is not None and now >= deadline:
            raise _aborted(Reason.DEADLINE, "a batch was not ended by the deadline; a resume collects it")
        return None

    def _collected(self, sending: Sending) -> dict[str, Reply | Miss]:
        """Return a batch's results; none when it turned out to be somebody else's."""
        results = self._sendings.collect(sending)
        if results is None:
            self._open().remove(sending)
            other = self._sendings.disown(sending)
            self._open().extend([other] if other else [])
            return {}
        return results

    def _forget(self, sending: Sending) -> None:
        self._sendings.forget(sending)
        self._open().remove(sending)


def _aborted(reason: Reason, message: str) -> Unfinished:
    return Unfinished(Outcome(status=Status.ABORTED, reason=reason, message=message))
