"""What goes to a model and what comes back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Frozen):
    """The model asks for a tool."""

    id: str
    name: str
    input: dict[str, Any] = Field(default_factory=dict)


class ToolResult(_Frozen):
    """What a tool answered."""

    call_id: str
    text: str
    is_error: bool = False


class Message(_Frozen):
    """One message: a user's text and tool results, or an assistant's text and tool calls."""

    role: Literal["user", "assistant"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()


class Tool(_Frozen):
    """A tool that the model may ask for; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


class Usage(_Frozen):
    """Tokens of one call, and its cost."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class Request(_Frozen):
    """One call: who asks for what (for the ledger, and for a script), and the conversation so far."""

    ticket: str
    stage: str
    turn: int = Field(description="number of assistant messages of this stage so far")
    system: str
    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]


class Reply(_Frozen):
    """The model's answer."""

    message: Message
    stop_reason: str = "end_turn"
    usage: Usage = Usage()
