"""The trajectory of an attempt: everything said and answered, appended line by line, from which the work resumes.

A reply is on disk before anything of it is carried out, and each tool's answer before the next tool starts; after a
kill only what was in flight is done again. Secrets are redacted on the way in, so that what is stored, what is carried
out and what is sent to the model, now and after a resume, are the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nightwork import __version__
from nightwork.errors import StateError
from nightwork.files import append_record, read_records
from nightwork.llm import Counted, Message, Reply, ToolCall, ToolResult, Usage
from nightwork.redact import redact_data

# Answers up to this length are never left out; a longer one is replaced by a line that is shorter.
SHORT = 500


@dataclass(frozen=True)
class LeftOut:
    """What of the conversation is left out: the first answers of tools, and the thinking of the first replies."""

    results: int = 0
    replies: int = 0


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

    def say(self, stage: str, text: str, preamble: str = "") -> None:
        """Note what is said to the model; the preamble stands first, in a block that conversations share."""
        self._append({"kind": "user", "stage": stage, "text": text, **({"preamble": preamble} if preamble else {})})

    def add_reply(self, stage: str, reply: Reply) -> None:
        """Note what the model said."""
        record = {"kind": "assistant", "stage": stage, **reply.model_dump(mode="json")}
        self._append({**record, "version": __version__})

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

    def add_wait(self, stage: str, seconds: float, clock: float) -> None:
        """Note how long a provider had to be waited for; `clock` is the start of the ticket's clock in this run."""
        self._append({"kind": "waited", "stage": stage, "seconds": round(seconds, 3), "clock": clock})

    def waited_s(self, clock: float) -> float:
        """Return the seconds that a provider was waited for in the run whose clock of the ticket began then."""
        return sum(float(r["seconds"]) for r in self.records if r["kind"] == "waited" and r["clock"] == clock)

    def waited_since(self, moment: datetime) -> float:
        """Return the seconds that a provider was waited for since then."""
        waits = (record for record in self.records if record["kind"] == "waited")
        return sum(float(r["seconds"]) for r in waits if datetime.fromisoformat(r["at"]) >= moment)

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

    def last_text(self) -> str:
        """Return the text of the newest reply."""
        texts = [str(record["message"]["text"]) for record in self.records if record["kind"] == "assistant"]
        return texts[-1] if texts else ""

    def last_usage(self) -> Usage:
        """Return what the newest reply took."""
        found = [record["usage"] for record in self.records if record["kind"] == "assistant"]
        return Usage.model_validate(found[-1]) if found else Usage()

    def pending_calls(self) -> list[ToolCall]:
        """Return the tool calls of the newest reply that have no answer yet."""
        answered = {record["call_id"] for record in self.records if record["kind"] == "result"}
        return [call for call in self.last_calls() if call.id not in answered]

    def stop_reason(self, stage: str) -> str:
        """Return why the stage's newest reply ended; empty when something was said to the model since."""
        for record in reversed(self.of(stage)):
            if record["kind"] in {"assistant", "user"}:
                return str(record.get("stop_reason", ""))
        return ""

    def messages(self, stage: str | None = None) -> tuple[Message, ...]:
        """Return the conversation, or that of one stage, as a model takes it: user and assistant in turn."""
        messages: list[Message] = []
        said: list[dict[str, Any]] = []
        for record in self._shown():
            if stage not in {None, record["stage"]}:
                continue
            if record["kind"] in {"user", "result"}:
                said.append(record)
            elif record["kind"] == "assistant":
                messages += [_asked(said), Message.model_validate(record["message"])]
                said = []
        return (*messages, *([_asked(said)] if said else []))

    def counted(self) -> Counted | None:
        """Return what the model of the newest reply counted; None when another version of nightwork had asked it."""
        replies = [record for record in self.records if record["kind"] == "assistant"]
        if not replies or replies[-1].get("version") != __version__:
            return None
        tokens = Usage.model_validate(replies[-1]["usage"]).tokens
        model = str(replies[-1]["message"].get("model", ""))
        return Counted(model=model, messages=2 * len(replies), tokens=tokens)

    def leave_out(self, stage: str, results: int) -> None:
        """Note that so many answers of tools, and all thinking up to now, are no longer sent."""
        replies = sum(record["kind"] == "assistant" for record in self.records)
        self._append({"kind": "left_out", "stage": stage, "results": results, "replies": replies})

    def left_out(self) -> LeftOut:
        """Return what is no longer sent."""
        found = [record for record in self.records if record["kind"] == "left_out"]
        return LeftOut(found[-1]["results"], found[-1]["replies"]) if found else LeftOut()

    def result_sizes(self) -> list[int]:
        """Return by how many bytes leaving out would shorten each answer of a tool; 0 for those that are kept."""
        asked = {record["call_id"] for record in self.escalations()}
        results = [record for record in self.records if record["kind"] == "result"]
        return [
            0 if record["call_id"] in asked or len(record["text"]) <= SHORT else len(record["text"].encode())
            for record in results
        ]

    def _shown(self) -> list[dict[str, Any]]:
        """Return the records without what is left out."""
        left_out, sizes = self.left_out(), self.result_sizes()
        shown, results, replies = [], 0, 0
        for record in self.records:
            if record["kind"] == "result":
                if results < left_out.results and sizes[results]:
                    record = {**record, "text": _placeholder(record["text"])}
                results += 1
            elif record["kind"] == "assistant":
                if replies < left_out.replies:
                    record = {**record, "message": {**record["message"], "blocks": []}}
                replies += 1
            shown.append(record)
        return shown

    def _append(self, record: dict[str, Any]) -> None:
        record = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **_redacted(record)}
        append_record(self.path, record)
        # As a resumed run reads it, so that both send the same bytes.
        self.records.append(json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")))


def _asked(records: list[dict[str, Any]]) -> Message:
    """Return what was said and answered between two replies as one message."""
    said = [record for record in records if record["kind"] == "user"]
    results = [record for record in records if record["kind"] == "result"]
    return Message(
        role="user",
        text="\n\n".join(record["text"] for record in said),
        preamble="\n\n".join(record["preamble"] for record in said if "preamble" in record),
        results=tuple(ToolResult(**{key: each[key] for key in ("call_id", "text", "is_error")}) for each in results),
    )


def _redacted(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without secrets; a reply's own blocks are signed, and go as a whole when they hold one."""
    clean: dict[str, Any] = redact_data(record)
    blocks = record.get("message", {}).get("blocks")
    if blocks and clean["message"]["blocks"] != blocks:
        clean["message"]["blocks"] = []
    return clean


def _placeholder(text: str) -> str:
    return f"(an older answer of {len(text):,} characters, left out; call the tool again if you need it)"
