"""One command to run, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

OUTPUT_LIMIT = 5_000_000


@dataclass(frozen=True)
class Run:
    """A command: no shell, an absolute folder, only the variables named here beside the sandbox's own."""

    command: tuple[str, ...]
    folder: Path
    stdin: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 600.0
    output_limit: int = OUTPUT_LIMIT


@dataclass(frozen=True)
class Finished:
    """What came of a command; `exit_code` is None when it did not start (`stderr` says why) or ran out of time."""

    exit_code: int | None
    stdout: str
    stderr: str
    duration_s: float
    timed_out: bool = False
    truncated: bool = False

    def tail(self, characters: int = 2000) -> str:
        """Return the end of what it printed, standard error last."""
        return "\n".join(part.strip() for part in (self.stdout, self.stderr) if part.strip())[-characters:]
