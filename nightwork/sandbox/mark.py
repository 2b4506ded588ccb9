"""Which process is meant: its id with the moment of its start, so that no other that was given the id is taken for it.

All of it is what Linux tells (proc(5)); elsewhere nothing can be told, and no process is ever taken for another one.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_ID = re.compile("[1-9][0-9]{0,9}")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = Path("/etc/machine-id")
_NONE = "-"
_SIGN = "nightwork-"
_FIRST_SPACE = "pid:[4026531836]"  # that of a machine itself, in every Linux (PROC_PID_INIT_INO)


class Life(StrEnum):
    """What can be told here of a process that was marked, here or elsewhere."""

    LIVES = "lives"
    GONE = "gone"
    NOT_TOLD = "not told"  # it is another machine's or another container's, or the system does not say


@dataclass(frozen=True)
class Mark:
    """A process for those who come later: `start` is in ticks since the boot, `space` its namespace of process ids."""

    pid: int
    start: str
    boot: str
    space: str
    machine: str

    @classmethod
    def here(cls) -> Mark:
        """Return the mark of this process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, process_id: int) -> Mark:
        """Return the mark of a process of this machine that lives now."""
        return cls(process_id, start_of(stat_of(process_id)) or _NONE, boot(), _space(), machine())

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """Return the mark that a text holds; None for any other text."""
        parts = text.split(" ")
        is_one = len(parts) == 5 and all(parts) and _ID.fullmatch(parts[0])
        return cls(int(parts[0]), *parts[1:]) if is_one else None

    def __str__(self) -> str:
        return f"{self.pid} {self.start} {self.boot} {self.space} {self.machine}"

    def life(self) -> Life:
        """Say whether the process lives."""
        if _NONE in {self.start, self.boot, self.space} or self.machine != machine():
            return Life.NOT_TOLD
        if self.boot != boot():  # it was booted since; two containers of one image may seem to be one machine
            return Life.GONE if self.space == _space() == _FIRST_SPACE else Life.NOT_TOLD
        if self.space != _space():
            return Life.NOT_TOLD
        return Life.LIVES if start_of(stat_of(self.pid)) == self.start else Life.GONE


def sign(text: str) -> None:
    """Let this process bear a sign to its end, by which whoever may look into it knows it; on Linux only."""
    if hasattr(os, "memfd_create"):
        os.memfd_create(f"{_SIGN}{text}")


def is_signed(process_id: int, text: str) -> bool:
    """Say whether a process bears a sign: what somebody else tells of it proves nothing."""
    folder = Path(f"/proc/{process_id}/fd")
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(entry) == f"/memfd:{_SIGN}{text} (deleted)":  # noqa: PTH115
                    return True
    return False


def boot() -> str:
    """Return the id of the machine's running boot; `-` when there is none."""
    return _read(_BOOT) or _NONE


def machine() -> str:
    """Return what this machine is known by: the id of its installation, which many containers lack, and its name."""
    return f"{_read(_MACHINE)}.{socket.gethostname()}".replace(" ", "")


def _space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  what it names is no path
    except OSError:
        return _NONE


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def stat_of(process_id: int) -> str:
    """Return the line that tells of a process; nothing for one that is not there."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def start_of(stat: str, *, also_ended: bool = False) -> str | None:
    """Return when the process of a line started, in ticks since the boot (field 22); None for one that has ended."""
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and (also_ended or fields[0] not in "ZX") else None


def living(note: Path) -> int | None:
    """Return the id of the process that has noted its line and the boot in a file, while it lives."""
    try:
        line, noted_boot = note.read_text(encoding="utf-8", errors="replace").strip().rsplit("\n", 1)
        process_id = int(line.partition(" ")[0])
    except (OSError, ValueError):
        return None
    start = start_of(line)
    return process_id if start and noted_boot == boot() and start == start_of(stat_of(process_id)) else None
