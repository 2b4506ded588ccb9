"""The trajectory of an attempt: everything said and answered, appended line by line, from which the work resumes.

A reply is on disk before anything of it is carried out, and each tool's answer before the next tool starts; after a
kill only what was in flight is done again. Secrets are redacted on the way in, so that what is stored, what is carried
out and what is sent to the model, now and after a resume, are the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nightwork.errors import StateError
from nightwork.files import append_record, read_records
from nightwork.llm import Message, Reply, ToolCall, ToolResult
from nightwork.redact import redact_data

# The stages of escalations that nightwork asks itself: before work is paid for, and before it is published.
CHECKS = ("check C0", "check C1")
PUBLISHING = "publish"


class Trajectory:
    """The record of one attempt, over all its stages and runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = list(read_records(path))
        if any(not {"kind", "stage"} <= record.keys() for record in self.records):
            raise StateError(path, "holds a line without kind and stage", "mend or remove the line")

    def say(self, stage: str, text: str) -> None:
        """Note what is said to the model."""
        self._append({"kind": "user", "stage": stage, "text": text})

    def add_reply(self, stage: str, reply: Reply) -> None:
        """Note what the model said."""
        self._append({"kind": "assistant", "stage": stage, **reply.model_dump(mode="json")})

    def add_result(self, stage: str, result: ToolResult, fix_round: bool = False) -> None:
        """Note what a tool answered; `fix_round` marks the gates' objections to submitted work."""
        self._append({"kind": "result", "stage": stage, "fix_round": fix_round, **result.model_dump(mode="json")})

    def escalate(self, stage: str, call_id: str, escalation: dict[str, Any]) -> None:
        """Note that the stage waits for a person."""
        self._append({"kind": "escalated", "stage": stage, "call_id": call_id, "value": escalation})

    def accept(self, stage: str, value: dict[str, Any]) -> None:
        """Note the result of a stage."""
        self._append({"kind": "accepted", "stage": stage, "value": value})

    def intend(self, call_id: str, digest: str) -> None:
        """Note that an edit is about to make a file whose content has this digest."""
        self._append({"kind": "intent", "stage": "", "call_id": call_id, "digest": digest})

    def intended(self, call_id: str) -> str | None:
        """Return the digest that an edit was about to make; None when it never got so far."""
        intents = (record for record in self.records if record["kind"] == "intent" and record["call_id"] == call_id)
        return next((record["digest"] for record in intents), None)

    def add_malformed(self, stage: str, reason: str) -> int:
        """Note, once, that the last reply cannot be used; returns how many in a row could not."""
        if not self._is_marked(stage):
            self._append({"kind": "malformed", "stage": stage, "reason": reason})
        in_a_row, marked = 0, False
        for record in reversed(self.of(stage)):
            if record["kind"] == "assistant":
                if not marked:
                    break
                in_a_row, marked = in_a_row + 1, False
            marked = marked or record["kind"] == "malformed"
        return in_a_row

    def _is_marked(self, stage: str) -> bool:
        kinds = [record["kind"] for record in self.of(stage) if record["kind"] in {"assistant", "malformed"}]
        return kinds[-1:] == ["malformed"]

    def ends_without_call(self, stage: str) -> bool:
        """Say whether the stage's last reply called no tool and nothing was said to the model since."""
        for record in reversed(self.of(stage)):
            if record["kind"] in {"assistant", "user"}:
                return record["kind"] == "assistant" and not record["message"]["calls"]
        return False

    def is_last(self, stage: str) -> bool:
        """Say whether the newest reply is of this stage."""
        replies = [record["stage"] for record in self.records if record["kind"] == "assistant"]
        return replies[-1:] == [stage]

    def accepted(self, stage: str) -> dict[str, Any] | None:
        """Return the result of a stage that has ended; None while it has not."""
        found = [record for record in self.of(stage) if record["kind"] == "accepted" or "reopens" in record]
        return found[-1]["value"] if found and found[-1]["kind"] == "accepted" else None

    def reopen(self, stage: str, number: int, text: str) -> None:
        """Take back, once, the result of a stage because of the answer to an escalation, which is said to the model."""
        if not self.count(stage, "user", reopens=number):
            self._append({"kind": "user", "stage": stage, "text": text, "reopens": number})

    def reopenings(self, stage: str) -> int:
        """Count how often a stage was taken up again."""
        return sum("reopens" in record for record in self.of(stage))

    def add_cost(self, stage: str, cost_usd: float) -> None:
        """Note what a command agent says that a round cost."""
        self._append({"kind": "cost", "stage": stage, "cost_usd": cost_usd})

    def of(self, stage: str) -> list[dict[str, Any]]:
        """Return the records of one stage."""
        return [record for record in self.records if record["stage"] == stage]

    def count(self, stage: str, kind: str, **marks: Any) -> int:
        """Count the records of one kind in a stage."""
        return sum(
            record["kind"] == kind and all(record.get(key) == value for key, value in marks.items())
            for record in self.of(stage)
        )

    def escalations(self) -> list[dict[str, Any]]:
        """Return the escalations of this attempt, oldest first."""
        return [record for record in self.records if record["kind"] == "escalated"]

    def last_calls(self) -> tuple[ToolCall, ...]:
        """Return the tool calls of the newest reply."""
        replies = [record["message"] for record in self.records if record["kind"] == "assistant"]
        return Message.model_validate(replies[-1]).calls if replies else ()

    def pending_calls(self) -> list[ToolCall]:
        """Return the tool calls of the newest reply that have no answer yet."""
        answered = {record["call_id"] for record in self.records if record["kind"] == "result"}
        return [call for call in self.last_calls() if call.id not in answered]

    def messages(self) -> tuple[Message, ...]:
        """Return the conversation as a model takes it: user and assistant in turn."""
        messages: list[Message] = []
        texts: list[str] = []
        results: list[ToolResult] = []
        for record in self.records:
            if record["kind"] == "user":
                texts.append(record["text"])
            elif record["kind"] == "result":
                results.append(ToolResult(**{key: record[key] for key in ("call_id", "text", "is_error")}))
            elif record["kind"] == "assistant":
                messages.append(Message(role="user", text="\n\n".join(texts), results=tuple(results)))
                messages.append(Message.model_validate(record["message"]))
                texts, results = [], []
        if texts or results:
            messages.append(Message(role="user", text="\n\n".join(texts), results=tuple(results)))
        return tuple(messages)

    def cost_usd(self) -> float:
        """Return what the attempt has cost so far."""
        calls = sum(float(record["usage"]["cost_usd"]) for record in self.records if record["kind"] == "assistant")
        return calls + sum(float(record["cost_usd"]) for record in self.records if record["kind"] == "cost")

    def _append(self, record: dict[str, Any]) -> None:
        record = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **redact_data(record)}
        append_record(self.path, record)
        self.records.append(record)
