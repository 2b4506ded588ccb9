"""What a model's tokens cost, as data: published prices and those of the settings have the same form.

All rates are USD per million tokens.
"""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Rates(BaseModel):
    """What a million tokens cost, by what is done with them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cache_write_5m: float = Field(ge=0, allow_inf_nan=False)
    cache_write_1h: float = Field(ge=0, allow_inf_nan=False)
    cache_read: float = Field(ge=0, allow_inf_nan=False)


class LongPrompt(Rates):
    """The rates of a call whose whole input is longer than so many tokens."""

    above_tokens: int = Field(ge=1)


class Price(Rates):
    """What a model costs and how much it takes; `source` and `as_of` say where and when that was read."""

    context_window: int = Field(ge=1_000)
    max_output: int = Field(ge=1)
    strict_tools: bool = Field(default=True, description="whether tools may ask for inputs that fit their schema")
    long_prompt: LongPrompt | None = None
    source: str = ""
    as_of: date | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        if self.max_output >= self.context_window:
            raise ValueError("max_output must be smaller than context_window")
        return self

    def cost_usd(self, tokens: Tokens) -> float:
        """Return what a call costs that took and gave so many tokens."""
        rates: Rates = self
        if self.long_prompt and tokens.all_input > self.long_prompt.above_tokens:
            rates = self.long_prompt
        total = (
            tokens.input * rates.input
            + tokens.cache_read * rates.cache_read
            + tokens.cache_write_5m * rates.cache_write_5m
            + tokens.cache_write_1h * rates.cache_write_1h
            + tokens.output * rates.output
        )
        return total / 1e6

    def worst_case_usd(self, input_tokens: int, output_tokens: int, cache_ttl: str) -> float:
        """Return what no call with at most so many tokens costs more than, however its input is counted."""
        found: list[Rates] = [self, *([self.long_prompt] if self.long_prompt else [])]
        writes = [rates.cache_write_1h if cache_ttl == "1h" else rates.cache_write_5m for rates in found]
        dearest = max(*writes, *(max(rates.input, rates.cache_read) for rates in found))
        return (input_tokens * dearest + output_tokens * max(rates.output for rates in found)) / 1e6


class Tokens(BaseModel):
    """The tokens of one call, by their rate; `input` are those that were neither read from nor written to the cache."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: int = Field(default=0, ge=0)
    cache_read: int = Field(default=0, ge=0)
    cache_write_5m: int = Field(default=0, ge=0)
    cache_write_1h: int = Field(default=0, ge=0)
    output: int = Field(default=0, ge=0)

    @property
    def cache_write(self) -> int:
        """Tokens written to the cache, however long they stay."""
        return self.cache_write_5m + self.cache_write_1h

    @property
    def all_input(self) -> int:
        """Everything that went in."""
        return self.input + self.cache_read + self.cache_write
