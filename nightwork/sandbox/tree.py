"""The processes that descend from one, as Linux tells (proc(5)): how many, and what they hold."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_MOST = 200_000


def descendants(process_id: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [process_id]
    for each in found:
        if len(found) > _MOST:
            break
        found += _children(each)
    return found


def _children(process_id: int) -> Iterator[int]:
    for task in _listed(f"/proc/{process_id}/task"):
        with contextlib.suppress(OSError):
            yield from map(int, Path(f"/proc/{process_id}/task/{task}/children").read_text(encoding="ascii").split())


def threads(process_ids: list[int]) -> int:
    """Return how many threads they have, which is what the kernel counts as processes."""
    return sum(len(_listed(f"/proc/{each}/task")) for each in process_ids)


def memory_bytes(process_ids: list[int]) -> int:
    """Return the memory that they hold themselves; what several share counts once, as far as can be told."""
    shared, total = 0, 0
    for each in process_ids:
        held = _status(each)
        total += held.get("RssAnon", 0)
        shared = max(shared, held.get("RssShmem", 0))
    return (total + shared) * 1024


def _status(process_id: int) -> dict[str, int]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        pairs = (line.partition(":") for line in lines if line.startswith("Rss"))
        return {name: int(value.split()[0]) for name, _, value in pairs}
    return {}


def deleted_bytes(process_ids: list[int], device: int) -> int:
    """Return the disk space of files on a device that are open and have no name any more."""
    seen: dict[int, int] = {}
    for each in process_ids:
        for number in _listed(f"/proc/{each}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(f"/proc/{each}/fd/{number}")  # noqa: PTH116
                if status.st_nlink == 0 and status.st_dev == device:
                    seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def _listed(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)  # noqa: PTH208
    return []


def end_tree(process_id: int) -> None:
    """End a process and all that descend from it by force; they are held first, so that none starts another."""
    held: list[int] = []
    while (found := descendants(process_id)) != held:
        held = found
        _send(held, signal.SIGSTOP)
    _send(held, signal.SIGKILL)


def _send(process_ids: list[int], number: signal.Signals) -> None:
    for each in process_ids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, number)
