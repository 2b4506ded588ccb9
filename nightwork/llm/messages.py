"""What goes to a model and what comes back."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Frozen):
    """The model asks for a tool; `unreadable` says why its input is none, if so."""

    id: str
    name: str
    input: dict[str, Any] = Field(default_factory=dict)
    unreadable: str = ""


class ToolResult(_Frozen):
    """What a tool answered."""

    call_id: str
    text: str
    is_error: bool = False


class Message(_Frozen):
    """One message: a user's text and tool results, or an assistant's text and tool calls."""

    role: Literal["user", "assistant"]
    text: str = ""
    preamble: str = Field(
        default="", description="what stands before the text, in a block that many conversations share"
    )
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    model: str = Field(default="", description="which model said it")
    blocks: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="what the model said, block by block and opaque, a call by its id alone; empty when text and calls "
        "tell it all",
    )


class Tool(_Frozen):
    """A tool that the model may ask for; `parameters` is a JSON schema, which a `strict` tool's inputs fit."""

    name: str
    description: str
    parameters: dict[str, Any]
    strict: bool = False


class Usage(_Frozen):
    """Tokens of one call, and its cost."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Everything that went in and came out."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.output_tokens


class Counted(_Frozen):
    """How many tokens a model counted, at most, for system, tools and the first `messages` of a conversation."""

    model: str
    messages: int
    tokens: int


class Request(_Frozen):
    """One call: who asks for what (for the ledger, and for a script), and the conversation so far."""

    ticket: str
    stage: str
    turn: int = Field(description="number of assistant messages of this stage so far")
    system: str
    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]
    max_tokens: int | None = Field(default=None, ge=1, description="longest answer; None is the model's own")
    is_whole: bool = Field(default=False, description="whether a shorter answer, where little money is left, is none")
    counted: Counted | None = None
    is_cached: bool = Field(
        default=True, description="whether a later call may begin alike; writing a cache costs more"
    )


class Reply(_Frozen):
    """The model's answer."""

    message: Message
    stop_reason: str = "end_turn"
    usage: Usage = Usage()
