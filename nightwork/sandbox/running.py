"""Notes of the commands that run, so that what outlives a killed run is ended before another works in its place."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from nightwork.sandbox.cgroup import remove_leftovers
from nightwork.sandbox.mark import start_of, stat_of


@contextlib.contextmanager
def noted(folder: Path, process_id: int) -> Iterator[None]:
    """Keep a note of a process that leads a process group of its own, while it runs.

    It need not reach the disk: a machine that fails takes the process with it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / str(process_id)
    note.write_text(_started(process_id) or "", encoding="ascii")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def end_leftovers(state_folder: Path) -> list[int]:
    """End the process groups that an earlier run has left; returns their leaders' ids.

    Only for whoever holds the run lock. A process counts as the one noted when it started at the same time, which
    Linux tells; elsewhere nothing is ended, since the id may have been given to another.
    """
    ended = []
    folder = state_folder / "running"
    for note in (path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else ():
        if note.name.isdecimal():
            started = _started(int(note.name))
            if started and started == note.read_text(encoding="ascii", errors="replace"):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(int(note.name), signal.SIGKILL)
                ended.append(int(note.name))
        note.unlink(missing_ok=True)
    remove_leftovers()
    return ended


def _started(process_id: int) -> str | None:
    """Return when a process started, one as well that has ended and whose group has not; None when nobody knows."""
    return start_of(stat_of(process_id), also_ended=True)
