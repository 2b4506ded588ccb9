"""One process that outlives the command that started it, known by its id and the moment of its start."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightwork.sandbox.mark import living, stat_of
from nightwork.sandbox.process import start_outliving


@dataclass(frozen=True)
class Outliving:
    """A process by name; its note `<name>.pid` and its log `<name>.log` stand in the folder."""

    folder: Path
    name: str

    @property
    def note(self) -> Path:
        """Where the process has noted its id and its start."""
        return self.folder / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """Where all that it says is kept; of its start before, `<name>.log.1`."""
        return self.folder / f"{self.name}.log"

    def start(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        """Start it anew, in a working folder that holds nothing."""
        nowhere = self.folder / "nowhere"
        nowhere.mkdir(mode=0o700, exist_ok=True)
        self.note.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))
        start_outliving(command, nowhere, variables, self.log, self.note)

    def pid(self) -> int | None:
        """Return its id while it lives; an id that was given to another process since does not count."""
        return living(self.note)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        process_id = self.pid()
        if process_id is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, number)

    def variable(self, name: str) -> str | None:
        """Return a variable of the environment in which it was started; None without it, or when it does not live."""
        return variable_of(self.pid(), name)

    def children(self) -> list[int]:
        """Return the ids of the living processes that it started itself."""
        process_id = self.pid()
        if process_id is None:
            return []
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            fields = stat_of(int(folder.name)).rpartition(")")[2].split()
            if fields and fields[0] != "Z" and int(fields[1]) == process_id:
                found.append(int(folder.name))
        return found


def variable_of(process_id: int | None, name: str) -> str | None:
    """Return a variable of the environment in which a process was started; None when nobody here may know."""
    with contextlib.suppress(OSError):
        entries = Path(f"/proc/{process_id}/environ").read_bytes().decode("utf-8", "surrogateescape").split("\0")
        return dict(entry.partition("=")[::2] for entry in entries).get(name)
    return None
