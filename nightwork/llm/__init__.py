"""Language models: the port. Requests and replies have the shape of Anthropic's Messages API.

Source of the shapes: the Messages API reference, "Content blocks" and "Tool use".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from nightwork.agent_settings import AgentSettings
from nightwork.errors import bad_input
from nightwork.llm import credentials
from nightwork.llm.messages import Counted, Message, Reply, Request, Tool, ToolCall, ToolResult, Usage
from nightwork.llm.prices import price_of
from nightwork.llm.schema import input_schema
from nightwork.llm.scripted import ScriptedModel
from nightwork.price import Price

__all__ = [
    "Counted",
    "Message",
    "Model",
    "Reply",
    "Request",
    "ScriptedModel",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Usage",
    "check_key",
    "input_schema",
    "open_model",
]

_NO_PRICES: Mapping[str, Price] = MappingProxyType({})


class Model(Protocol):
    """Something that continues a conversation."""

    name: str
    context_window: int | None  # tokens that a conversation may have; None is no limit

    @property
    def provider(self) -> str | None:
        """Who limits and bills the calls; None for a model on this machine, which does neither."""

    def worst_case_usd(self, request: Request) -> float:
        """Return what the call can cost at most; no reply to the request ever costs more."""

    def complete(self, request: Request) -> Reply:
        """Return the next assistant message, from one call and no more.

        Raises RateLimited and Unavailable when the call may be made again, ProviderRefused when none may before a
        person has seen to it, ContextOverflow when the conversation is too long, and ModelError when the model cannot
        be used as it is.
        """


def open_model(
    name: str,
    repository: Path,
    settings: AgentSettings | None = None,
    prices: Mapping[str, Price] = _NO_PRICES,
    where: str = "agent.model",
) -> Model:
    """Return the model of a name: `scripted:FILE`, relative to the repository, or one of Anthropic's.

    `where` is the setting that holds the name. Raises BadInput for a name or a price that nobody knows, and for a
    missing key.
    """
    kind, _, rest = name.partition(":")
    if kind == "scripted" and rest:
        return ScriptedModel(repository / rest)
    if not name.startswith("claude-") and name not in prices:
        expected = "expected claude-... or scripted:FILE; a command line goes by agent.preset or agent.command"
        raise bad_input(where, f"unknown model {name!r}; {expected}")
    price, chosen = price_of(name, prices, where), settings or AgentSettings()
    from nightwork.llm.claude import ClaudeModel  # the client costs 0.5 s to import; a script needs none

    return ClaudeModel(name, credentials.current(), price, chosen.max_output_tokens, chosen.cache_ttl)


def check_key(model: str) -> None:
    """Ask the provider, at no cost, whether it takes our key and has the model; raises as `Model.complete` does."""
    from nightwork.llm import claude

    claude.check_key(credentials.current(), model)
