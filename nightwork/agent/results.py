"""What the stages of an attempt return: C0 a Scope, C1 a Plan, C2 a Work, and any of them an Escalation instead."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from nightwork.redact import Redacted, redact

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000), AfterValidator(redact)]


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trigger(StrEnum):
    """Why a ticket needs a person (the contract's escalation triggers); also the outcome's reason."""

    ARCHITECTURE = "architecture"
    SECURITY = "security"
    DATA = "data"
    COMPATIBILITY = "compatibility"
    UNCERTAINTY = "uncertainty"
    ITERATION_LIMIT = "iteration_limit"


class Level(StrEnum):
    """How likely, or how bad."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Scope(_Result):
    """C0: what the ticket asks for, in the agent's words."""

    objective: Text
    in_scope: tuple[Text, ...] = Field(min_length=1)
    out_of_scope: tuple[Text, ...] = ()
    affected_files: tuple[Text, ...] = ()
    questions: tuple[Text, ...] = ()


class Risk(_Result):
    """A risk of the plan."""

    kind: Literal["architecture", "security", "data", "performance", "compatibility"]
    description: Text
    likelihood: Level
    impact: Level


class Plan(_Result):
    """C1: how it will be done."""

    approach: Text
    files_to_create: tuple[Text, ...] = ()
    files_to_change: tuple[Text, ...] = ()
    risks: tuple[Risk, ...] = ()
    tests: tuple[Text, ...] = Field(default=(), description="tests that will be written or changed")


class FollowUp(_Result):
    """A ticket that the agent proposes for what it left undone."""

    title: Annotated[
        Redacted, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]*$")
    ]
    description: Text
    acceptance_criteria: tuple[Text, ...] = ()


class Work(_Result):
    """C2: what was done; `remaining` makes the ticket partial."""

    summary: Text = Field(description="one line, the subject of the commit")
    changes: tuple[Text, ...] = Field(default=(), description="what changed, one line each, the body of the commit")
    remaining: tuple[Text, ...] = ()
    follow_up: FollowUp | None = None
    cut_short: SkipJsonSchema[Literal["timeout", "budget"] | None] = Field(
        default=None, description="why it had to end early; nightwork's to say"
    )

    def submitted(self) -> Self:
        """Return the work as an agent may submit it: it has ended of itself."""
        return self.model_copy(update={"cut_short": None})


class Option(_Result):
    """One way out of an escalation."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    description: Text
    pros: tuple[Text, ...] = ()
    cons: tuple[Text, ...] = ()
    risk: Level = Level.MEDIUM


class Context(_Result):
    """How it came to the escalation."""

    tried: Text
    why: Text
    blocks: Text = Field(description="what cannot go on without an answer")


class Escalation(_Result):
    """A decision that a person has to take."""

    trigger: Trigger
    summary: Text
    context: Context
    options: tuple[Option, ...] = Field(min_length=2)
    recommendation: Annotated[str, Field(description="the name of one of the options")]
    questions: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _recommends_an_option(self) -> Self:
        names = [option.name for option in self.options]
        if len(set(names)) < len(names):
            raise ValueError("each option needs a name of its own")
        if self.recommendation not in names:
            raise ValueError(f"recommendation must be one of {', '.join(names)}")
        return self
