"""Language models: the port. Requests and replies have the shape of Anthropic's Messages API.

Source of the shapes: the Messages API reference, "Content blocks" and "Tool use".
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from nightwork.errors import bad_input
from nightwork.llm.messages import Message, Reply, Request, Tool, ToolCall, ToolResult, Usage
from nightwork.llm.scripted import ScriptedModel

__all__ = [
    "Message",
    "Model",
    "Reply",
    "Request",
    "ScriptedModel",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Usage",
    "open_model",
]


class Model(Protocol):
    """Something that continues a conversation."""

    name: str
    provider: str | None
    """Who limits and bills the calls; None for a model on this machine, which does neither."""

    def worst_case_usd(self, request: Request) -> float:
        """Return what the call can cost at most; no reply to the request ever costs more."""

    def complete(self, request: Request) -> Reply:
        """Return the next assistant message, from one call and no more.

        Raises RateLimited and Unavailable when the call may be made again, ProviderRefused when none may before a
        person has seen to it, and ModelError when the model cannot be used as it is.
        """


def open_model(name: str, repository: Path) -> Model:
    """Return the model that the settings name: `scripted:FILE`, relative to the repository."""
    kind, _, rest = name.partition(":")
    if kind == "scripted" and rest:
        return ScriptedModel(repository / rest)
    raise bad_input("agent.model", f"unknown model {name!r}; expected scripted:FILE, or agent.kind: command")
