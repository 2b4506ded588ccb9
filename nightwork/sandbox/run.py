"""One command to run, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OUTPUT_LIMIT = 5_000_000


@dataclass(frozen=True)
class Run:
    """A command: no shell, an absolute folder, only the variables named here beside the sandbox's own.

    A word or a variable that is a Path names something of the host, and is told as the command sees it. `writable`
    folders may be written to beside `folder`; `visible` files, those that the settings' own command names, may be read.
    """

    command: tuple[str | Path, ...]
    folder: Path
    stdin: str = ""
    variables: Mapping[str, str | Path] = field(default_factory=dict)
    timeout_s: float = 600.0
    output_limit: int = OUTPUT_LIMIT
    network: bool = False
    writable: tuple[Path, ...] = ()
    visible: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Finished:
    """What came of a command.

    `exit_code` is None when it did not start (`stderr` says why), ran out of time, or broke the `limit` that is told.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    duration_s: float
    timed_out: bool = False
    truncated: bool = False
    limit: str | None = None

    def tail(self, characters: int = 2000) -> str:
        """Return the end of what it printed, standard error last."""
        return "\n".join(part.strip() for part in (self.stdout, self.stderr) if part.strip())[-characters:]


def named_files(command: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that a command names by their full path; only for commands that the settings hold."""
    paths = (Path(word) for word in command if word.startswith("/") and "\0" not in word)
    return tuple(path for path in paths if path.is_file())
