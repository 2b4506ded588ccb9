"""The Message Batches of our server that speaks the Messages API: made, asked for, listed, canceled, and their faults.

with MessagesServer(script) as server:
    server.batches.polls = 3          # a batch ends at its third poll
    server.batches.fates["src/a.py"] = "expired"   # by a word in the request
    server.batches.holds = True       # nothing ends until that is False
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from messages_server import Answer, Asked, MessagesServer

PATH = "/v1/messages/batches"
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass
class Batch:
    """One batch: its requests by custom id, and what came of them once it has ended."""

    id: str
    created_at: datetime
    asked: dict[str, Asked]
    polls: int = 0
    is_canceled: bool = False
    results: dict[str, dict[str, Any]] | None = None


@dataclass
class Batches:
    """What the server does with batches; `faults` are answers to the next creations, `on_request` sees each call."""

    server: MessagesServer
    polls: int = 1
    holds: bool = False
    fates: dict[str, str] = field(default_factory=dict)
    error: tuple[str, str] = ("api_error", "it failed")
    made: dict[str, Batch] = field(default_factory=dict)
    faults: list[Answer] = field(default_factory=list)
    outages: dict[str, int] = field(default_factory=dict)  # so many of the next calls of a kind fail
    loses_answers: int = 0  # to so many creations that are carried out
    on_request: Callable[[str, str], None] = lambda *_: None  # ("before" | "after", "create" | "poll" | ...)
    paid: list[str] = field(default_factory=list)  # the custom ids of requests that were answered

    def create(self, raw: bytes, headers: dict[str, str], asked_of: Callable[..., Asked]) -> dict[str, Any]:
        requests = json.loads(raw)["requests"]
        names = [request["custom_id"] for request in requests]
        problems = [f"custom id {name!r}" for name in names if not _CUSTOM_ID.fullmatch(name)]
        problems += ["custom ids are not unique"] if len(set(names)) < len(names) else []
        problems += ["a batch that streams" for request in requests if request["params"].get("stream")]
        self.server.problems += problems
        asked = {
            each["custom_id"]: asked_of(json.dumps(each["params"]).encode(), headers, number)
            for number, each in enumerate(requests)
        }
        number = len(self.made)
        batch = Batch(f"msgbatch_{number:04}", datetime.now(UTC) + timedelta(microseconds=number), asked)
        self.made[batch.id] = batch
        return self.shown(batch)

    def poll(self, batch: Batch) -> dict[str, Any]:
        batch.polls += 1
        if batch.results is None and (batch.is_canceled or (batch.polls >= self.polls and not self.holds)):
            batch.results = {name: self._result(batch, name, asked) for name, asked in batch.asked.items()}
        return self.shown(batch)

    def shown(self, batch: Batch) -> dict[str, Any]:
        kinds = [result["type"] for result in (batch.results or {}).values()]
        counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
        status = "ended" if batch.results is not None else "canceling" if batch.is_canceled else "in_progress"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": {"processing": 0 if batch.results is not None else len(batch.asked), **counts},
            "created_at": batch.created_at.isoformat(),
            "expires_at": (batch.created_at + timedelta(days=1)).isoformat(),
            "ended_at": batch.created_at.isoformat() if status == "ended" else None,
            "cancel_initiated_at": None,
            "archived_at": None,
            "results_url": f"{self.server.url}{PATH}/{batch.id}/results" if status == "ended" else None,
        }

    def listed(self) -> dict[str, Any]:
        data = [self.shown(batch) for batch in reversed(self.made.values())]
        return {"data": data, "has_more": False, "first_id": None, "last_id": None}

    def lines(self, batch: Batch) -> bytes:
        """Return the results, in another order than that of the requests."""
        assert batch.results is not None
        found = [{"custom_id": name, "result": result} for name, result in batch.results.items()]
        return b"".join(json.dumps(line).encode() + b"\n" for line in reversed(found))

    def _result(self, batch: Batch, name: str, asked: Asked) -> dict[str, Any]:
        words = asked.words()
        fate = next((fate for word, fate in self.fates.items() if word in words), "succeeded")
        if batch.is_canceled and fate == "succeeded":
            fate = "canceled"
        if fate == "errored":
            kind, message = self.error
            return {"type": fate, "error": {"type": "error", "error": {"type": kind, "message": message}}}
        if fate != "succeeded":
            return {"type": fate}
        self.paid.append(name)
        answer = self.server.answer(asked)
        return {"type": fate, "message": self._message(answer, asked)}

    def _message(self, answer: Answer, asked: Asked) -> dict[str, Any]:
        said = sum(len(json.dumps(block)) for block in answer.blocks)
        blocks = [
            {"id": f"toolu_{hashlib.sha256(asked.raw).hexdigest()[:12]}_{n}", **block}
            if block["type"] == "tool_use"
            else block
            for n, block in enumerate(answer.blocks)
        ]
        return {
            "id": f"msg_{asked.number}",
            "type": "message",
            "role": "assistant",
            "model": asked.body["model"],
            "content": blocks,
            "stop_reason": answer.stop_reason,
            "stop_sequence": None,
            "usage": {**self.server.usage(asked, 1 + said // 4), "service_tier": "batch"},
        }
