"""The settings of module specs and of drift."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from nightwork.section import RunSection, Section

NO_MODEL = "none"


class SpecsSettings(Section):
    """Which modules have a spec, and who writes it."""

    model: str = Field(
        default=NO_MODEL, description="who writes: claude-..., scripted:FILE, or none: from the syntax tree alone"
    )
    unit: Literal["auto", "file", "package"] = Field(
        default="auto", description="what one spec is about; auto: files up to 300 of them, packages above"
    )
    tests: bool = Field(default=False, description="give test files specs of their own; else they are only read")
    exclude: tuple[str, ...] = Field(default=(), description="paths and patterns of files that have no spec")
    source_roots: tuple[str, ...] = Field(
        default=(), description="folders from which modules are imported, beside those that are found"
    )
    parallel: int = Field(default=4, ge=1, le=64, description="modules that are written at the same time")
    max_retries: int = Field(
        default=3, ge=0, le=100, description="tries after the first before a spec is made from the syntax tree alone"
    )
    max_source_tokens: int = Field(default=24_000, ge=500, description="a module's source is cut to about so much")
    max_output_tokens: int = Field(default=8_000, ge=512, le=128_000, description="of one spec, thinking included")
    message_batches: bool = Field(
        default=False, description="send what is ready at the same time as one Message Batch, at half the price"
    )
    budget_usd: float | None = Field(default=None, ge=0, le=1e6, description="what a run may cost; never overshot")


class SpecsOptions(RunSection):
    """What one run may set differently from the repository's settings; None leaves them as they are."""

    update: bool = Field(default=False, title="Update", description="Write stale specs anew too")
    force: bool = Field(
        default=False, title="Force", description="Write all specs anew, those that a person has edited included"
    )
    model: str | None = Field(
        default=None,
        title="Model",
        description="Who writes: a model such as claude-sonnet-5-5, scripted:FILE, or none: from the syntax tree alone",
    )
    max_retries: int | None = Field(
        default=None,
        ge=0,
        le=100,
        title="Retries",
        description="Tries after the first before a spec is made from the syntax tree alone; 0 to 100",
    )
    parallel: int | None = Field(
        default=None, ge=1, le=64, title="Modules", description="How many are written at the same time; 1 to 64"
    )
    budget_usd: float | None = Field(
        default=None, ge=0, le=1e6, title="Budget, in dollars", description="What the run may cost; never overshot"
    )
    message_batches: bool | None = Field(
        default=None, title="Message Batches", description="At half the price, and slower"
    )
    deadline: AwareDatetime | None = Field(default=None, title="Deadline", description="No module is begun after it")
    credentials: str = Field(
        default="",
        title="Credentials",
        description="Name of a Claude Credentials block; empty: the worker's environment",
    )

    def flags(self) -> dict[str, Any]:
        """Return the settings that are set here, by dotted key."""
        keys = ("model", "max_retries", "parallel", "budget_usd", "message_batches")
        return {f"specs.{key}": getattr(self, key) for key in keys}
