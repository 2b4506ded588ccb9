"""Batches of requests that are paid for once, whatever kills us: what is sent is written down before and after.

A file stands for each batch. Before money is reserved it tells the requests, before the call the reservations, after
the call the batch's id. What a killed process left is read from it: without reservations, or with some and no batch at
the provider, nothing was sent; a batch that has its requests is collected, and nothing is paid again.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nightwork import records
from nightwork.errors import ModelError, ProviderRefused, RateLimited, Unanswered
from nightwork.files import remove_unfinished
from nightwork.ledger import OverBudget, Purpose, Tokens
from nightwork.llm.batches import MessageBatches, Miss, Missed, Submitted, split
from nightwork.llm.journal import Entry, Sending, numbers_of, path_of, read
from nightwork.llm.messages import Reply, Request
from nightwork.llm.metered import Account, Metered, ledger_tokens

# By so much the provider's clock may differ from ours.
_CLOCKS = timedelta(minutes=5)


@dataclass
class _Call:
    """The one call that sends a batch; made again only when the provider has no batch that could be it."""

    send: Callable[[], Submitted]
    find: Callable[[], Submitted | None]
    may_have_arrived: bool = False
    was_found: bool = False

    def __call__(self) -> Submitted:
        if self.may_have_arrived and (found := self.find()) is not None:
            self.was_found = True
            return found
        self.may_have_arrived = True
        try:
            return self.send()
        except (RateLimited, ProviderRefused, ModelError):
            self.may_have_arrived = False
            raise


class Sendings:
    """The batches of one account's model, each a file in `folder`; for whoever holds the run lock."""

    def __init__(
        self,
        folder: Path,
        batches: MessageBatches,
        model: Metered,
        account: Account,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._batches = batches
        self._model = model
        self._account = account
        self._clock = clock

    def left(self) -> list[Sending]:
        """Return what earlier processes have sent and nobody has forgotten; what was never sent is released."""
        remove_unfinished(self._folder)
        found = [self._recovered(sending) for sending in read(self._folder)]
        return [sending for sending in found if sending is not None]

    def send(self, requests: Mapping[str, Request]) -> list[Sending]:
        """Send requests by their keys, as many from the first on as there is money for; those have their entries.

        Raises OverBudget when there is no money for the first, and ModelError when the provider takes none of them.
        """
        sent: list[Sending] = []
        for group in split([(key, self._batches.size(request)) for key, request in requests.items()]):
            try:
                sending = self._sent({key: requests[key] for key in group})
            except OverBudget:
                if sent:
                    break
                raise
            sent.append(sending)
            if len(sending.entries) < len(group):
                break
        return sent

    def has_ended(self, sending: Sending) -> bool:
        """Ask whether a batch's results are there."""
        try:
            return self._model.ask("batch", lambda: self._batches.poll(sending.batch)).has_ended
        except ModelError as error:
            if isinstance(error, Unanswered):
                raise
            return True  # it is gone; `collect` finds no result

    def cancel(self, sending: Sending) -> None:
        """Ask for the end of a batch, if it is certain to be ours."""

        def once() -> bool:
            self._batches.cancel(sending.batch)
            return True

        if sending.is_certain:
            try:
                self._model.ask("batch", once)
            except ModelError as error:
                if isinstance(error, Unanswered):
                    raise  # a batch that has ended meanwhile cannot be canceled, and need not be

    def collect(self, sending: Sending) -> dict[str, Reply | Miss] | None:
        """Settle a batch that has ended, and return its results by key; None when it turns out that it is not ours.

        It stays on disk until it is forgotten: who is killed before the results are used collects it again.
        """
        try:
            results = self._model.ask("batch", lambda: self._batches.results(sending.batch))
        except Unanswered:
            raise
        except ModelError:
            results = {}
        if not sending.is_certain and results and not results.keys() & sending.entries.keys():
            return None
        found = {name: results.get(name, _LOST) for name in sending.entries}
        calls = [_settled(entry.number, found[name]) for name, entry in sending.entries.items()]
        self._account.ledger.settle_many([call for call in calls if call is not None])
        return {sending.entries[name].key: result for name, result in found.items()}

    def disown(self, sending: Sending) -> Sending | None:
        """Look for a batch further, when the one found is not ours; None when it was never sent."""
        other = sending.model_copy(update={"batch": "", "not_ours": (*sending.not_ours, sending.batch)})
        self._save(other)
        return self._recovered(other)

    def forget(self, sending: Sending) -> None:
        """Remove what stands of a batch whose results are used."""
        path_of(self._folder, sending).unlink(missing_ok=True)

    def _sent(self, requests: Mapping[str, Request]) -> Sending:
        sending = self._new(requests)
        self._save(sending)
        sending = self._reserved(sending, requests)
        named = {name: requests[entry.key] for name, entry in sending.entries.items()}
        call = _Call(lambda: self._batches.submit(named), lambda: self._found(sending))
        try:
            batch = self._model.ask("batch", call)
        except BaseException:
            if not call.may_have_arrived:
                self._release(sending)
            raise
        return self._noted(sending, batch, is_certain=not call.was_found)

    def _new(self, requests: Mapping[str, Request]) -> Sending:
        name = uuid.uuid4().hex[:16]
        entries = {
            f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}": Entry(
                key=key, ticket=request.ticket, stage=request.stage
            )
            for key, request in requests.items()
        }
        above = self._account.ledger.last_number()
        return Sending(
            id=name,
            account=self._account.batch,
            model=self._model.name,
            at=self._clock(),
            above=above,
            entries=entries,
        )

    def _reserved(self, sending: Sending, requests: Mapping[str, Request]) -> Sending:
        wanted = [
            (
                Purpose(sending.account, entry.ticket, entry.stage, sending.model),
                self._batches.worst_case_usd(requests[entry.key]),
            )
            for entry in sending.entries.values()
        ]
        try:
            numbers = self._account.ledger.reserve_many(wanted, self._account.limits)
        except BaseException:
            self.forget(sending)
            raise
        paid = zip(sending.entries.items(), numbers, strict=False)
        entries = {name: entry.model_copy(update={"number": number}) for (name, entry), number in paid}
        return self._save(sending.model_copy(update={"entries": entries}))

    def _recovered(self, sending: Sending) -> Sending | None:
        """Return a batch that was sent, with its id; None, released and forgotten, when it was not."""
        if sending.batch:
            return sending
        found = self._model.ask("batch", lambda: (self._found(sending),))[0] if sending.is_reserved else None
        if found is None:
            self._release(sending)
            return None
        return self._noted(sending, found, is_certain=False)

    def _found(self, sending: Sending) -> Submitted | None:
        taken = {other.batch for other in read(self._folder)} | set(sending.not_ours)
        for batch in self._batches.since(sending.at - _CLOCKS):
            if batch.requests == len(sending.entries) and batch.id not in taken:
                return batch
        return None

    def _noted(self, sending: Sending, batch: Submitted, *, is_certain: bool) -> Sending:
        return self._save(sending.model_copy(update={"batch": batch.id, "is_certain": is_certain}))

    def _release(self, sending: Sending) -> None:
        """Give back the money of what was never sent, and forget it."""
        numbers = numbers_of(sending, self._account.ledger)
        self._account.ledger.settle_many([(number, 0.0, Tokens()) for number in sorted(numbers)])
        self.forget(sending)

    def _save(self, sending: Sending) -> Sending:
        records.save(sending, path_of(self._folder, sending), exact=True)
        return sending


_LOST = Miss(Missed.LOST, "the provider tells nothing of it")


def _settled(number: int | None, result: Reply | Miss) -> tuple[int, float | None, Tokens] | None:
    if number is None:
        return None
    if isinstance(result, Reply):
        return number, result.usage.cost_usd, ledger_tokens(result.usage)
    return number, None if result.kind is Missed.LOST else 0.0, Tokens()
