"""The settings of track operations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from nightwork.section import RunSection, Section


def _below(folders: Mapping[str, str]) -> Mapping[str, str]:
    for name, folder in folders.items():
        path = PurePosixPath(folder)
        if not name.strip() or "/" in name:
            raise ValueError(f"{name!r} cannot be the name of a track: expected a name without slashes")
        if not folder.strip() or path.is_absolute() or ".." in path.parts or folder.startswith("~"):
            raise ValueError(f"{name}: expected a folder below the repository, not {folder!r}")
    return folders


Folders = Annotated[dict[str, str], AfterValidator(_below)]


class TracksSettings(Section):
    """Which tracks a repository has, who writes and who reviews, and how much one run takes on."""

    folders: Folders = Field(default={}, description="folders of the repository with a track.yaml, by the track's name")
    model: str = Field(default="", description="who writes: claude-..., or scripted:FILE, relative to the repository")
    reviewer: str | None = Field(
        default=None, description="who reviews, always in a conversation of its own; by default the model that writes"
    )
    parallel: int = Field(default=3, ge=1, le=64, description="modules at the same time; orchestrate takes one")
    max_retries: int = Field(default=3, ge=0, le=100, description="tries of one call after the first")
    retries: int = Field(default=1, ge=0, le=10, description="how often a run tries a module again that has failed")
    budget_usd: float | None = Field(default=None, ge=0, le=1e6, description="what a run may cost; never overshot")
    max_output_tokens: int = Field(default=16_000, ge=512, le=128_000, description="of one answer, thinking included")
    max_prompt_tokens: int = Field(default=100_000, ge=2_000, description="of one prompt; a module above it fails")


class TrackOptions(RunSection):
    """What one run may set differently from the repository's settings; None leaves them as they are."""

    model: str | None = Field(
        default=None, title="Model", description="Who writes: a model such as claude-sonnet-5-5, or scripted:FILE"
    )
    reviewer: str | None = Field(
        default=None,
        title="Reviewer",
        description="Who reviews, in a conversation of its own; by default the model that writes",
    )
    parallel: int | None = Field(
        default=None, ge=1, le=64, title="Modules", description="How many at the same time; orchestrate takes one"
    )
    max_retries: int | None = Field(
        default=None, ge=0, le=100, title="Retries of a call", description="Tries after the first; 0 to 100"
    )
    retries: int | None = Field(
        default=None, ge=0, le=10, title="Retries of a module", description="Tries after one that failed; 0 to 10"
    )
    budget_usd: float | None = Field(
        default=None, ge=0, le=1e6, title="Budget, in dollars", description="What the run may cost; never overshot"
    )
    deadline: AwareDatetime | None = Field(default=None, title="Deadline", description="No module is begun after it")
    credentials: str = Field(
        default="",
        title="Credentials",
        description="Name of a Claude Credentials block; empty: the worker's environment",
    )
    no_sandbox: bool = Field(
        default=False, title="Without a sandbox", description="The audit runs with the worker's rights"
    )

    def flags(self) -> dict[str, Any]:
        """Return the settings that are set here, by dotted key."""
        keys = ("model", "reviewer", "parallel", "max_retries", "retries", "budget_usd")
        chosen = {f"tracks.{key}": getattr(self, key) for key in keys}
        return chosen | {"sandbox.confine": False if self.no_sandbox else None}
