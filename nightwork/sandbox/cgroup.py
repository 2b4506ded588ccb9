"""Control groups, where this process may make them: the kernel's own limits on processes and memory.

Version 1 needs a hierarchy for `pids` and one for `memory`; version 2 needs both to be given on to the groups below the
own one, as a system administrator or a container does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OWN = Path("/proc/self/cgroup")
_PREFIX = "nightwork-"
_numbers = itertools.count(1)


class Group:
    """The groups of one command, one in each hierarchy; it is in them when its first process has joined."""

    def __init__(self, processes: int, memory_bytes: int) -> None:
        name = f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        self._folders: dict[str, Path] = {}
        for kind, parent in homes().items():
            with contextlib.suppress(OSError):
                self._folders[kind] = _make(parent / name, kind, processes, memory_bytes)

    @property
    def kinds(self) -> set[str]:
        """What they limit: `pids`, `memory`."""
        return set(self._folders)

    @property
    def joined_by(self) -> list[Path]:
        """The files into which the first process writes its id."""
        return [folder / "cgroup.procs" for folder in dict.fromkeys(self._folders.values())]

    def hit(self) -> str | None:
        """Return which limit was hit; None while none was."""
        for kind, (name, key) in _EVENTS.items():
            if kind in self._folders and any(_counted(self._folders[kind] / file, key) for file in name):
                return kind
        return None

    def remove(self) -> None:
        """Remove the groups; all processes in them have ended."""
        for folder in self._folders.values():
            _remove(folder)
        self._folders = {}


_EVENTS = {"pids": (("pids.events",), "max"), "memory": (("memory.oom_control", "memory.events"), "oom_kill")}


def homes() -> dict[str, Path]:
    """Return, for `pids` and `memory`, the folder in which groups can be made; none is left out."""
    found: dict[str, Path] = {}
    with contextlib.suppress(OSError, ValueError):
        own = dict(line.split(":", 2)[1:] for line in _OWN.read_text(encoding="utf-8").splitlines())
        for line in _MOUNTS.read_text(encoding="utf-8").splitlines():
            before, _, after = line.partition(" - ")
            form, _, options = after.split(" ", 2)
            place = Path(before.split()[4])
            if form == "cgroup":
                found |= _version_1(place, options.split(","), own)
            elif form == "cgroup2":
                found = _version_2(place / own.get("", "/").lstrip("/")) | found
    return {kind: folder for kind, folder in found.items() if os.access(folder, os.W_OK)}


def _version_1(place: Path, options: list[str], own: dict[str, str]) -> dict[str, Path]:
    paths = {name: path for names, path in own.items() for name in names.split(",")}
    kinds = [kind for kind in ("pids", "memory") if kind in options and kind in paths]
    return {kind: place / paths[kind].lstrip("/") for kind in kinds}


def _version_2(folder: Path) -> dict[str, Path]:
    with contextlib.suppress(OSError):
        given_on = (folder / "cgroup.subtree_control").read_text(encoding="utf-8").split()
        return {kind: folder for kind in ("pids", "memory") if kind in given_on}
    return {}


def _make(folder: Path, kind: str, processes: int, memory_bytes: int) -> Path:
    folder.mkdir(exist_ok=True)
    limits = {"pids.max": processes} if kind == "pids" else {_memory_file(folder): memory_bytes}
    for name, value in limits.items():
        (folder / name).write_text(str(value), encoding="ascii")
    with contextlib.suppress(OSError):
        (folder / "memory.swap.max").write_text("0", encoding="ascii")
    return folder


def _memory_file(folder: Path) -> str:
    return "memory.max" if (folder / "memory.max").exists() else "memory.limit_in_bytes"


def _counted(path: Path, key: str) -> bool:
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return value not in ("", "0")
    return False


def _remove(folder: Path) -> None:
    for _ in range(20):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)  # its last process is still being taken down
        else:
            return


def remove_leftovers() -> None:
    """Remove the groups of runs of nightwork that are gone, and end what is in them.

    A bwrap whose parent is killed while it is set up waits for it for ever, before the command is begun.
    """
    for home in set(homes().values()):
        for folder in home.glob(f"{_PREFIX}*"):
            owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
            if owner.isdecimal() and not Path("/proc", owner).exists():
                _end_all(folder)
                _remove(folder)


def _end_all(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for process_id in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            os.kill(int(process_id), signal.SIGKILL)
