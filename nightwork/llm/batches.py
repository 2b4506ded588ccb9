"""Message Batches: many requests in one call, answered within a day at half the price. One method is one HTTP call.

Source: the batch processing guide of the Messages API: at most 100,000 requests or 256 MB; what has errored, expired or
was canceled is not billed; results stay for 29 days, in any order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from nightwork.llm import failures
from nightwork.llm.claude import PROVIDER, ClaudeModel
from nightwork.llm.messages import Reply, Request
from nightwork.llm.stream import Received, Unreadable

DISCOUNT = 0.5
# Well below the limits: an upload that breaks off has to be made again.
MAX_REQUESTS, MAX_BYTES = 10_000, 64_000_000
_PAGE = 100
_MAY_PASS = frozenset({"api_error", "overloaded_error", "rate_limit_error", "timeout_error"})


class Missed(StrEnum):
    """Why a request of a batch has no answer."""

    ERRORED = "errored"
    EXPIRED = "expired"  # the batch took longer than its day
    CANCELED = "canceled"
    LOST = "lost"  # the provider tells nothing of it; nobody knows what it cost


@dataclass(frozen=True)
class Miss:
    """A request of a batch that has no answer: why, and whether it may be made again."""

    kind: Missed
    why: str = ""
    may_retry: bool = True


@dataclass(frozen=True)
class Submitted:
    """A batch at the provider."""

    id: str
    created_at: datetime
    requests: int
    has_ended: bool


class MessageBatches:
    """The Message Batches of one model; failures are told as `ClaudeModel.complete` tells them."""

    def __init__(self, model: ClaudeModel) -> None:
        self.model = model

    def worst_case_usd(self, request: Request) -> float:
        """Return what a request can cost at most in a batch."""
        return self.model.worst_case_usd(request) * (1 - DISCOUNT)

    def size(self, request: Request) -> int:
        """Return the bytes of a request in a batch, about."""
        return len(json.dumps(self.model.body(request))) + 200

    def submit(self, requests: Mapping[str, Request]) -> Submitted:
        """Send requests by their custom ids, each `[a-zA-Z0-9_-]{1,64}`; whoever repeats that pays again."""
        bodies = [{"custom_id": name, "params": self.model.body(request)} for name, request in requests.items()]
        with self.model.failures_told():
            return _submitted(self.model.client.messages.batches.create(requests=bodies))  # type: ignore[arg-type]

    def poll(self, batch: str) -> Submitted:
        """Return how far a batch is."""
        with self.model.failures_told():
            return _submitted(self.model.client.messages.batches.retrieve(batch))

    def cancel(self, batch: str) -> None:
        """Ask for the end of a batch; what is under way may still be answered, and paid."""
        with self.model.failures_told():
            self.model.client.messages.batches.cancel(batch)

    def since(self, moment: datetime) -> list[Submitted]:
        """Return the batches that were made since then, oldest first."""
        found = []
        with self.model.failures_told():
            for each in self.model.client.messages.batches.list(limit=_PAGE):
                batch = _submitted(each)
                if batch.created_at < moment:
                    break
                found.append(batch)
        return found[::-1]

    def results(self, batch: str) -> dict[str, Reply | Miss]:
        """Return what came of the requests of a batch that has ended, by their custom ids."""
        with self.model.failures_told():
            raw = self.model.client.messages.batches.with_raw_response.results(batch)
            lines = list(_lines(raw.read().decode("utf-8", "replace")))
        return {name: self._result(line) for name, line in lines}

    def _result(self, line: Mapping[str, Any]) -> Reply | Miss:
        try:
            result = line["result"]
            if result["type"] == "succeeded":
                return self.model.reply(_received(result["message"]), DISCOUNT)
            kind = Missed(result["type"])
            error = (result.get("error") or {}).get("error") or {}
            why = f"{kind}: {error.get('type', '')} {failures.said(str(error.get('message', '')))}".strip(": ")
            return Miss(kind, why, kind is not Missed.ERRORED or error.get("type") in _MAY_PASS)
        except (Unreadable, KeyError, TypeError, ValueError, AttributeError) as error:
            return Miss(Missed.LOST, f"the answer cannot be read: {type(error).__name__}")


def split(sized: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """Yield names in groups that fit into one batch each, given with their bytes."""
    group: list[str] = []
    room = MAX_BYTES
    for name, size in sized:
        if group and (size > room or len(group) >= MAX_REQUESTS):
            yield group
            group, room = [], MAX_BYTES
        group.append(name)
        room -= size
    if group:
        yield group


def _submitted(batch: Any) -> Submitted:
    try:
        counts = batch.request_counts
        total = sum((counts.processing, counts.succeeded, counts.errored, counts.canceled, counts.expired))
        is_dated = isinstance(batch.created_at, datetime) and batch.created_at.tzinfo is not None
        if is_dated:
            return Submitted(_text(batch.id), batch.created_at, total, batch.processing_status == "ended")
    except (AttributeError, TypeError) as error:
        raise Unreadable(f"a batch without {error}") from error
    raise Unreadable("a batch without a time")


def _lines(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield results by their custom ids; what cannot be read is passed over, a file that was cut off refused."""
    lines = text.split("\n")
    for line in lines:
        try:
            result = json.loads(line)
            yield _text(result["custom_id"]), result
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            if line is lines[-1] and line.strip():
                raise Unreadable("the results have no end") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{PROVIDER} told {value!r:.50} for a name")
    return value


def _received(message: Mapping[str, Any]) -> Received:
    return Received(
        usage=dict(message["usage"]),
        blocks=dict(enumerate(message["content"])),
        stop_reason=str(message["stop_reason"] or ""),
        explanation=str((message.get("stop_details") or {}).get("explanation") or ""),
        is_whole=True,
    )
