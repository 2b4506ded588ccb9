"""The events of a streamed answer, gathered to one message; what is missing at its end is told, never guessed.

Source: the streaming guide of the Messages API: message_start, blocks (start, deltas, stop), message_delta and
message_stop.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from nightwork.llm.messages import Message, ToolCall
from nightwork.price import Tokens

# More than any call has; a count that is no count must not reach the ledger.
_MOST_TOKENS = 10**9
CUT = frozenset({"max_tokens", "model_context_window_exceeded"})


class Unreadable(ValueError):
    """Something came that is no answer of the Messages API."""


class ErrorEvent(Exception):
    """The provider gave up in the middle of its answer: (kind, message)."""


@dataclass
class Received:
    """An answer as far as it has come."""

    usage: dict[str, Any] = field(default_factory=dict)
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    stop_reason: str = ""
    explanation: str = ""
    is_whole: bool = False
    size: int = 0
    _json: dict[int, str] = field(default_factory=dict)

    def take(self, event: str, data: str) -> None:
        """Take up one event; raises ErrorEvent, and Unreadable for what is none."""
        try:
            self._take(event, _read(data) if data else {})
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise Unreadable(f"{event}: {type(error).__name__}") from error

    def _take(self, event: str, data: dict[str, Any]) -> None:
        match event:
            case "message_start":
                self.usage = dict(data["message"]["usage"])
            case "content_block_start":
                self.blocks[int(data["index"])] = dict(data["content_block"])
            case "content_block_delta":
                self._extend(int(data["index"]), data["delta"])
            case "message_delta":
                self._end(data)
            case "message_stop":
                self.is_whole = bool(self.usage) and bool(self.stop_reason)
            case "error":
                raise ErrorEvent(str(data["error"].get("type")), str(data["error"].get("message")))

    def _extend(self, index: int, delta: dict[str, Any]) -> None:
        block = self.blocks[index]
        match delta["type"]:
            case "text_delta":
                self._append(block, "text", delta["text"])
            case "thinking_delta":
                self._append(block, "thinking", delta["thinking"])
            case "signature_delta":
                block["signature"] = str(delta["signature"])
            case "input_json_delta":
                self._json[index] = self._json.get(index, "") + delta["partial_json"]
                self.size += len(delta["partial_json"].encode("utf-8", "replace"))

    def _append(self, block: dict[str, Any], key: str, text: str) -> None:
        block[key] = block[key] + text
        self.size += len(text.encode("utf-8", "replace"))

    def _end(self, data: dict[str, Any]) -> None:
        self.stop_reason = str(data["delta"]["stop_reason"] or "")
        self.explanation = str((data["delta"].get("stop_details") or {}).get("explanation") or "")
        # Counts are cumulative; those that are left out keep the value of the start.
        self.usage |= {key: value for key, value in data["usage"].items() if value is not None}

    def tokens(self, ttl: str) -> Tokens:
        """Return what the answer has cost so far, in tokens; a cut answer has at most a token for each byte of it."""
        written = _count(self.usage, "cache_creation_input_tokens")
        split = self.usage.get("cache_creation") or {}
        long = _count(split, "ephemeral_1h_input_tokens") if split else written if ttl == "1h" else 0
        output = _count(self.usage, "output_tokens")
        return Tokens(
            input=_count(self.usage, "input_tokens"),
            cache_read=_count(self.usage, "cache_read_input_tokens"),
            cache_write_1h=min(long, written),
            cache_write_5m=written - min(long, written),
            output=output if self.is_whole else max(output, self.size),
        )

    def message(self, model: str) -> Message:
        """Return the answer; a call that was cut in the middle is dropped, one whose input is no JSON says so."""
        try:
            calls = {index: call for index, call in self._calls().items() if not self._is_cut(index, call)}
            texts = [block["text"] for block in self._ordered() if block["type"] == "text" and block["text"]]
            return Message(
                role="assistant",
                text="\n".join(texts) or (self.explanation if self.stop_reason == "refusal" else ""),
                calls=tuple(calls.values()),
                blocks=self._as_said(),
                model=model,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"a block of the answer: {type(error).__name__}") from error

    def _ordered(self) -> list[dict[str, Any]]:
        return [self.blocks[index] for index in sorted(self.blocks)]

    def _calls(self) -> dict[int, ToolCall]:
        found = {index: self.blocks[index] for index in sorted(self.blocks)}
        return {i: _call(block, self._json.get(i, "")) for i, block in found.items() if block["type"] == "tool_use"}

    def _is_cut(self, index: int, call: ToolCall) -> bool:
        is_last = index == max(self.blocks)
        return self.stop_reason in CUT and is_last and bool(call.unreadable or not call.input)

    def _as_said(self) -> tuple[dict[str, Any], ...]:
        """Return the blocks in their order, unless that is a text and the calls behind it, which need no noting."""
        kinds = [block["type"] for block in self._ordered()]
        if kinds == sorted(kinds) and kinds.count("text") <= 1 and set(kinds) <= {"text", "tool_use"}:
            return ()
        return tuple(
            {"type": "tool_use", "id": block["id"]} if block["type"] == "tool_use" else block
            for block in self._ordered()
        )


def _read(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _call(block: dict[str, Any], text: str) -> ToolCall:
    given, unreadable = block.get("input") or {}, ""
    try:
        if text.strip():
            given = _read(text)
        if not isinstance(given, dict):
            raise ValueError(f"expected an object, not {type(given).__name__}")
    except (ValueError, RecursionError) as error:
        given, unreadable = {}, f"the input is no JSON object: {error}"
    return ToolCall(id=str(block["id"]), name=str(block["name"]), input=given, unreadable=unreadable)


def _count(usage: dict[str, Any], key: str) -> int:
    value = usage.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TOKENS:
        raise Unreadable(f"usage.{key} is {value!r}")
    return value
