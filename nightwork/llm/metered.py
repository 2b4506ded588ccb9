"""The one layer between agents and a provider: money is reserved first, failures are tried again, walls are waited for.

Nothing else retries. A call that breaks off without an answer counts with all that it could have cost.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time as clock
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from nightwork import stop
from nightwork.breaker import Breaker, Kind, Permit, Time, Wait
from nightwork.database import Place
from nightwork.errors import Infrastructure, ModelError, ProviderRefused, RateLimited, Unanswered, Unavailable
from nightwork.ledger import Ledger, Limits, OverBudget, Purpose, Tokens
from nightwork.llm import Model
from nightwork.llm.messages import Reply, Request, Usage
from nightwork.outcome import ErrorRecord, Outcome, Reason, Status, Unfinished

logger = logging.getLogger("nightwork.llm")
T = TypeVar("T")

# The kind of error of an item that ended because the batch gave a provider up.
GIVEN_UP = "ProviderGivenUp"
# Tries of one call before the provider counts as out, with 2, 4, 8 ... s between them: about a minute.
TRIES = 6
# Tries of one call, while others are answered, before its item is given up: about a quarter of an hour.
TRIES_ALONE = 30
_FIRST_RETRY_S, _LONGEST_RETRY_S = 2.0, 30.0
_OTHERS_SETTLE_S = 2.0
# Tokens that most answers need no more of: an edit of a hundred lines.
SHORT_ANSWER = 4000


class WallClock:
    """The machine's time."""

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return clock.time()

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopped when the run is to end."""
        stop.wait(seconds)


@dataclass(frozen=True)
class Patience:
    """What a batch takes from a provider before it gives up; closures count from `since` (seconds since the epoch)."""

    since: float
    max_hits: int = 3
    max_outage_s: float = 4 * 3600.0

    def refusal(self, breaker: Breaker) -> Outcome | None:
        """Say why nothing more is to be asked of a provider; None when it may be."""
        closures = breaker.closures(self.since)
        hits = sum(closure.kind is Kind.HIT for closure in closures)
        out_s = sum(closure.until - closure.at for closure in closures if closure.kind is Kind.OUTAGE)
        refused = [closure.told for closure in closures if closure.kind is Kind.REFUSED]
        if refused:
            return _aborted(Reason.INFRASTRUCTURE, refused[-1])
        if hits > self.max_hits:
            return _aborted(
                Reason.RATE_LIMIT, f"{breaker.provider}: {hits} rate limits, more than {self.max_hits}; resume later"
            )
        if out_s > self.max_outage_s:
            return _aborted(Reason.INFRASTRUCTURE, f"{breaker.provider} gave no answer for {out_s / 60:.0f} minutes")
        return None


def ends_the_run(outcome: Outcome) -> bool:
    """Say whether what ended an item would end every other: the provider takes no more requests."""
    return outcome.error is not None and outcome.error.kind in {GIVEN_UP, ProviderRefused.__name__}


def _aborted(reason: Reason, message: str) -> Outcome:
    error = ErrorRecord(kind=GIVEN_UP, message=message)
    return Outcome(status=Status.ABORTED, reason=reason, message=message, error=error)


@dataclass(frozen=True)
class Account:
    """Who pays, up to what, and who is told how long a call had to wait (in seconds).

    `breaker` returns the breaker of a provider by its name; `parallel` is how many share the batch's limit at a time.
    `max_retries` is how often a call that failed is made again; None is as often as the patience lasts.
    """

    ledger: Ledger
    batch: str
    limits: Limits
    breaker: Callable[[str], Breaker]
    patience: Patience
    parallel: int = 1
    max_retries: int | None = None
    waited: Callable[[float], object] = lambda _: None
    rng: Callable[[], float] = field(default=random.random)

    def share_usd(self, ticket: str) -> float | None:
        """Return what a ticket may spend in one go without taking the others' part; None when there is no limit."""
        left = self.ledger.left_usd(self.batch, ticket, self.limits)
        if left is None or self.limits.batch_usd is None:
            return left
        return min(left, self.limits.batch_usd / self.parallel)


@dataclass
class _InARow:
    """Failures of one request in a row; `alone` are those of rounds in which others were answered."""

    answers: int
    count: int = 0
    alone: int = 0

    def stand_alone(self, answers: int) -> bool:
        """Say, at the end of a round of tries, whether others were answered in it: then that is no outage."""
        others, self.answers = answers > self.answers, answers
        self.alone += TRIES * others
        return others


class _Waited(threading.local):
    """How long the call of each thread has waited, in seconds."""

    s: float = 0.0


class Metered:
    """A model whose calls are paid for, waited for and tried again."""

    def __init__(self, model: Model, provider: str, account: Account) -> None:
        self.name = model.name
        self.provider = provider
        self.context_window = model.context_window
        self._model = model
        self._account = account
        self._breaker = account.breaker(provider)
        self._key = (self._breaker.place, provider)
        self._time: Time = self._breaker.time
        self._waited = _Waited()

    def worst_case_usd(self, request: Request) -> float:
        """Return what one try can cost at most."""
        return self._model.worst_case_usd(request)

    def complete(self, request: Request) -> Reply:
        """Return the next assistant message, however long that takes.

        Raises OverBudget when a limit leaves no room for it, Unfinished (aborted) when the batch's patience with the
        provider is at its end, Unanswered when the call has failed as often as the account lets it, Stopped when the
        run is to end, ProviderRefused and ModelError as the model does.
        """

        def once(permit: Permit) -> Reply | None:
            try:
                reserved = self._reserve(permit, request)
            except Exception:
                self._breaker.put_back(permit)
                raise
            if reserved is None:
                return None
            return self._made(permit, lambda: self._paid(*reserved))

        return self._until_answered(f"{request.ticket} {request.stage}", once)

    def ask(self, what: str, call: Callable[[], T]) -> T:
        """Return what a call brings that is not paid by itself, waited for and tried again as any other.

        Raises what `complete` raises, but OverBudget.
        """
        return self._until_answered(what, lambda permit: self._made(permit, call))

    def _until_answered(self, what: str, once: Callable[[Permit], T | None]) -> T:
        failures = _InARow(_answers[self._key])
        try:
            while True:
                permit = self._enter()
                try:
                    if (found := once(permit)) is not None:
                        return found
                except RateLimited as error:
                    self._breaker.limited(permit, error.args[1])
                except Unavailable as error:
                    failures.count += 1
                    logger.info("%s: %s; failure %d", what, error, failures.count)
                    self._rest(permit, failures, error)
        finally:
            if self._waited.s:
                self._account.waited(self._waited.s)
                self._waited.s = 0.0

    def _made(self, permit: Permit, call: Callable[[], T]) -> T:
        """Make one call, and tell the breaker what it says of the provider; what is tried again says it later."""
        try:
            found = call()
        except (RateLimited, Unavailable):
            raise
        except ProviderRefused as error:
            self._breaker.refused(permit, str(error))
            raise
        except ModelError:
            self._answered(permit)
            raise
        except BaseException:
            self._breaker.put_back(permit)
            raise
        self._answered(permit)
        return found

    def _paid(self, number: int, request: Request) -> Reply:
        """Make one try; its reservation is settled however it ends, but by a kill."""
        cost_usd: float | None = None
        usage = Usage()
        try:
            reply = self._model.complete(request)
            cost_usd, usage = reply.usage.cost_usd, reply.usage
            return reply
        except (RateLimited, ProviderRefused, ModelError):
            cost_usd = 0.0
            raise
        except Unavailable as error:
            cost_usd = error.cost_usd
            raise
        finally:
            self._account.ledger.settle(number, cost_usd, ledger_tokens(usage))

    def _answered(self, permit: Permit) -> None:
        try:
            self._breaker.succeeded(permit)
        except Infrastructure as error:  # what was paid for is not given up for it
            logger.warning("nobody was told that %s answers: %s", self._breaker.provider, error)
        with _lock:
            _answers[self._key] += 1

    def _enter(self) -> Permit:
        """Wait for the right to send one request."""
        while True:
            stop.check()
            refusal = self._account.patience.refusal(self._breaker)
            if refusal is not None:
                raise Unfinished(refusal)
            answer = self._breaker.enter()
            if isinstance(answer, Permit):
                return answer
            self._tell_once(answer)
            self._sleep(answer.look_again - self._time.now())

    def _reserve(self, permit: Permit, request: Request) -> tuple[int, Request] | None:
        """Reserve what the try can cost at most, with a shorter answer where little is left.

        Returns None, after a wait, while calls under way hold what may get free.
        """
        least = request.max_tokens if request.is_whole else min(request.max_tokens or SHORT_ANSWER, SHORT_ANSWER)
        shorter = request.model_copy(update={"max_tokens": least})
        with contextlib.suppress(OverBudget):
            return self._reserved(request), request
        try:
            return self._reserved(shorter), shorter
        except OverBudget as error:
            if not error.may_fit_later:
                raise
            self._breaker.put_back(permit)
            self._sleep(_OTHERS_SETTLE_S)
            return None

    def _reserved(self, request: Request) -> int:
        account = self._account
        purpose = Purpose(account.batch, request.ticket, request.stage, self.name)
        return account.ledger.reserve(purpose, self._model.worst_case_usd(request), account.limits)

    def _rest(self, permit: Permit, failures: _InARow, error: Unavailable) -> None:
        """Wait before a call is tried again; after some tries in a row everybody does, unless others are answered."""
        if self._account.max_retries is not None and failures.count > self._account.max_retries:
            self._breaker.put_back(permit)
            raise Unanswered(self.name, f"{error}; tried {failures.count} times")
        if failures.count % TRIES == 0 and not failures.stand_alone(_answers[self._key]):
            self._breaker.failed(permit)
            return
        self._breaker.put_back(permit)
        if failures.alone >= TRIES_ALONE:
            message = f"{error}; {failures.alone} tries failed while {self._breaker.provider} answered others"
            raise Unfinished(Outcome(status=Status.ABORTED, reason=Reason.INFRASTRUCTURE, message=message))
        longer = _FIRST_RETRY_S * 2 ** min(failures.count - 1, TRIES)
        self._sleep(min(longer, _LONGEST_RETRY_S) * (0.5 + self._account.rng()))

    def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        began = self._time.now()
        try:
            self._time.sleep(seconds)
        finally:
            # Even when the clock is set meanwhile: the ticket's own clock is another.
            self._waited.s += min(max(self._time.now() - began, 0.0), seconds)

    def _tell_once(self, wait: Wait) -> None:
        """Tell of a wait that begins, once for all of this process who wait."""
        if wait.kind is None:
            return
        key = (*self._key, wait.epoch, wait.until)
        with _lock:
            if key in _told:
                return
            _told.add(key)
        logger.warning(waiting_text(self._breaker, self._account.patience, wait), extra={"waiting_until": wait.until})


_NIGHT_S = 12 * 3600.0
# The waits that this process has told of.
_told: set[tuple[Place, str, int, float]] = set()
# How many requests of this process each provider has answered.
_answers: Counter[tuple[Place, str]] = Counter()
_lock = threading.Lock()


def waiting_text(breaker: Breaker, patience: Patience, wait: Wait) -> str:
    """Return why and until when everybody waits: `waiting for the reset until 02:40, hit 2 of 3`."""
    until = _clock_time(wait.until, breaker.time.now())
    if wait.kind is Kind.OUTAGE:
        return f"{breaker.provider} does not answer; the next probe goes out at {until}"
    hits = sum(each.kind is Kind.HIT for each in breaker.closures(patience.since))
    told = f", hit {hits} of {patience.max_hits}" if hits else ", hit before this run began"
    return f"{breaker.provider}: waiting for the reset until {until}{told}"


def _clock_time(at: float, seen_at: float) -> str:
    """Return a local time as `02:40`, and as `2026-01-16 02:40` when it is more than a night away."""
    local = datetime.fromtimestamp(at, UTC).astimezone()
    return f"{local:%H:%M}" if abs(at - seen_at) < _NIGHT_S else f"{local:%Y-%m-%d %H:%M}"


def ledger_tokens(usage: Usage) -> Tokens:
    """Return a call's tokens as the ledger notes them."""
    return Tokens(usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens, usage.output_tokens)
