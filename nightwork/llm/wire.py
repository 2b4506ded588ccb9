"""A request as the Messages API takes it: the same bytes for the same conversation, so that prefixes stay in the cache.

Tools and system are the same for all tickets and end with a cache breakpoint. Two more end the last two
user messages: the call before wrote its cache at the first of them, however many blocks came since, and a
breakpoint looks back over 20 blocks only. Source: the prompt caching guide.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nightwork.llm.messages import Message, Request, Tool

Block = dict[str, Any]

# The instructions on tools that the provider adds are counted as input too: 346 tokens at most in its price list.
HIDDEN_TOKENS = 1_000
_MOVING_BREAKPOINTS = 2


def body(request: Request, model: str, max_tokens: int, cache_ttl: str, strict: bool = True) -> dict[str, Any]:
    """Return the body of the call."""
    messages = [_message(message, model) for message in request.messages]
    system = _text(request.system)
    if request.is_cached:
        cache = {"type": "ephemeral"} if cache_ttl == "5m" else {"type": "ephemeral", "ttl": cache_ttl}
        system, messages = {**system, "cache_control": cache}, _with_breakpoints(messages, cache)
    return {
        "model": model,
        "max_tokens": max_tokens,
        "tools": [_tool(tool, strict) for tool in request.tools],
        "system": [system],
        "messages": messages,
    }


def token_bound(request: Request, model: str, strict: bool = True) -> int:
    """Return a number of tokens that the request's input does not exceed.

    What the model has counted already counts as told; of the rest, no token is shorter than a byte.
    """
    counted = request.counted
    if counted and counted.model == model and counted.messages <= len(request.messages):
        return counted.tokens + _size([_message(message, model) for message in request.messages[counted.messages :]])
    whole = body(request, model, 0, "5m", strict)
    return HIDDEN_TOKENS + _size([whole["tools"], whole["system"], whole["messages"]])


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _tool(tool: Tool, strict: bool) -> dict[str, Any]:
    described = {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
    return {**described, "strict": True} if tool.strict and strict else described


def _message(message: Message, model: str) -> dict[str, Any]:
    content = _said(message, model) if message.role == "assistant" else _asked(message)
    return {"role": message.role, "content": content}


def _asked(message: Message) -> list[Block]:
    results: list[Block] = [
        {
            "type": "tool_result",
            "tool_use_id": result.call_id,
            "content": [_text(result.text or "(empty)")],
            **({"is_error": True} if result.is_error else {}),
        }
        for result in message.results
    ]
    return [*results, *(_text(text) for text in (message.preamble, message.text) if text.strip())]


def _said(message: Message, model: str) -> list[Block]:
    """Return what a model said, as it said it; thinking goes back to the model that thought it, and to no other."""
    calls = {
        call.id: {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in message.calls
    }
    found: list[Block] = []
    for block in message.blocks or (_text(message.text), *calls.values()):
        if block["type"] == "tool_use":
            found += [calls[block["id"]]] if block["id"] in calls else []
        elif block["type"] == "text":
            found += [_text(block["text"])] if block["text"].strip() else []
        elif message.model == model:
            found.append(dict(block))
    # The API takes neither an empty message nor one that ends with thinking.
    if not found or found[-1]["type"] not in {"text", "tool_use"}:
        found.append(_text("(no text)"))
    return found


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _with_breakpoints(messages: list[dict[str, Any]], cache: dict[str, str]) -> list[dict[str, Any]]:
    for message in _last_of_users(messages):
        message["content"][-1] = {**message["content"][-1], "cache_control": cache}
    return messages


def _last_of_users(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = [message for message in messages if message["role"] == "user" and message["content"]]
    return asked[-_MOVING_BREAKPOINTS:]
