"""The section `sandbox` of the settings: what confined commands see beside the toolchain, and how much they may use."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_TOO_MUCH = frozenset({"/", "~", "/home", "/root", "/proc", "/sys", "/dev", "/run", "/etc", "/tmp"})


def _shown(path: str) -> str:
    if not path.startswith(("/", "~/")) or ".." in PurePosixPath(path).parts:
        raise ValueError("expected a full path, or one below the home such as ~/.cargo")
    if path.rstrip("/") in _TOO_MUCH or not path.rstrip("/"):
        raise ValueError("would show more than tools need; name the folder of the tool")
    return path


class Confinement(BaseModel):
    """How agents' commands and gates are confined; a limit that is broken ends the command."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confine: bool = Field(default=True, description="false runs everything with your rights; `--no-sandbox` sets it")
    visible: tuple[Annotated[str, AfterValidator(_shown)], ...] = Field(
        default=(), description="further files and folders that commands may read, such as ~/.cargo"
    )
    processes: int = Field(default=1000, ge=16, le=100_000, description="processes and threads of one command")
    memory_mb: int = Field(default=4000, ge=64, description="memory of one command with all that it starts")
    disk_mb: int = Field(
        default=4000, ge=1, description="what one command may add to its folder; also its largest file"
    )
    tmp_mb: int = Field(
        default=1000, ge=1, description="size of /tmp, of the home folder and of /dev/shm; held in memory"
    )


DEFAULT = Confinement()
