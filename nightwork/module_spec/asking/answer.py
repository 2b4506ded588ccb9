"""What a model is asked to say of a module, and the form in which it has to say it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Statement(_Part):
    """One thing said of a module; what is not plain from the source says from what it was inferred."""

    text: str = Field(min_length=1, max_length=1_000, description="one sentence or two; names of code in backquotes")
    inferred_from: str = Field(
        default="", max_length=300, description="empty when the source says so plainly; else what it was inferred from"
    )


class Described(_Part):
    """What one public name is for."""

    name: str = Field(max_length=200, description="the name as it stands in the list of the interface")
    text: str = Field(min_length=1, max_length=300, description="what it does for those who use it, in one sentence")


class Answer(_Part):
    """A module's spec in a model's words; signatures, diagrams and lists come from the syntax tree."""

    purpose: str = Field(min_length=1, max_length=300, description="what the module is for, in one sentence")
    intent: str = Field(min_length=1, max_length=3_000, description="why it exists and what it owns")
    interface: tuple[Described, ...] = Field(default=(), max_length=200)
    business_logic: tuple[Statement, ...] = Field(default=(), max_length=40)
    data_structures: tuple[Statement, ...] = Field(default=(), max_length=40)
    constraints: tuple[Statement, ...] = Field(default=(), max_length=40)
    edge_cases: tuple[Statement, ...] = Field(default=(), max_length=40)
    technical_debt: tuple[Statement, ...] = Field(default=(), max_length=40)
    test_coverage: tuple[Statement, ...] = Field(default=(), max_length=40)
