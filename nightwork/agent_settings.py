"""The settings of the agent: a model in nightwork's own loop, or a coding command line."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from nightwork.duration import Duration
from nightwork.section import Section

# In a command, stands for what a round may spend, in dollars.
BUDGET = "{budget_usd}"


class Preset(StrEnum):
    """A coding command line that is known."""

    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    AIDER = "aider"


_PROVIDERS = {Preset.CLAUDE_CODE: "anthropic", Preset.CODEX: "openai", Preset.AIDER: "aider"}


class AgentSettings(Section):
    """Who does the work: a model in nightwork's own loop, or any coding command line."""

    kind: Literal["model", "command"] = "model"
    preset: Preset | None = Field(default=None, description="a known command line, in place of `command`")
    model: str = Field(
        default="", description="one of Anthropic's by name; `scripted:FILE` replays a script of the repository"
    )
    models: dict[Literal["C0", "C1", "C2"], str] = Field(default={}, description="other models by stage")
    max_output_tokens: int = Field(default=16_000, ge=256, le=128_000, description="of one answer, thinking included")
    max_context_tokens: int = Field(
        default=200_000, ge=8_000, description="a conversation that comes near is shortened, whatever the model takes"
    )
    cache_ttl: Literal["5m", "1h"] = Field(default="5m", description="how long the provider keeps a prompt's beginning")
    command: tuple[str, ...] = Field(
        default=(), description="the coding command line; the prompt is its standard input"
    )
    pass_env: tuple[str, ...] = Field(default=(), description="variables that the command may see; none by default")
    max_turns: int = Field(default=60, ge=1, le=1000, description="turns of one stage before the iteration limit")
    fix_rounds: int = Field(default=2, ge=0, le=10, description="times that red gates go back to the agent")
    command_timeout: Duration = timedelta(minutes=10)

    def model_of(self, stage: str) -> str:
        """Return the name of the model that works on a stage; empty when none does."""
        return next((name for key, name in self.models.items() if key == stage), self.model)

    def provider(self) -> str:
        """Return whose quota the work goes on: a provider's name, a command's where that is not known."""
        if self.kind == "model":
            return "scripted" if self.model.startswith("scripted:") else "anthropic"
        if self.preset:
            return _PROVIDERS[self.preset]
        return self.command[0].rpartition("/")[2] if self.command else "none"

    @model_validator(mode="before")
    @classmethod
    def _preset_is_a_command(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("preset") == "":
            data = {**data, "preset": None}
        if isinstance(data, dict) and data.get("preset") is not None:
            if data.get("command"):
                raise ValueError("preset and command exclude each other; leave one out")
            return {"kind": "command", **data}
        return data

    @model_validator(mode="after")
    def _preset_needs_a_command(self) -> Self:
        if self.preset and self.kind != "command":
            raise ValueError(f"preset {self.preset.value!r} needs kind: command")
        return self

    def reach(self) -> str:
        """Return what the agent can reach of yours, as every report tells it."""
        if self.kind == "model":
            return f"{self.model or 'no model'} in nightwork's own loop; its commands see none of your variables"
        name = self.preset or (self.command[0].rpartition("/")[2] if self.command else "none")
        seen = f"sees your variables {', '.join(self.pass_env)}" if self.pass_env else "sees none of your variables"
        return f"command {name}; it {seen}, and has the network"
