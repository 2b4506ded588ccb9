"""What a command adds to the disk below its folders, measured only once the free space has fallen by as much."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nightwork.sandbox import tree

_ENTRY_BYTES = 4096  # a file takes that much, however empty it is
_EARLIER_S = 2.0  # file systems keep coarser time than we do


class Growth:
    """Watches folders of one file system; each file that was changed since counts whole."""

    def __init__(self, folders: Sequence[Path], limit_bytes: int) -> None:
        self._folders = folders
        self._limit = limit_bytes
        self._began = time.time() - _EARLIER_S
        self._room = _room(folders[0])

    def is_over(self, process_ids: Sequence[int]) -> bool:
        """Say whether the folders grew by more than the limit; files that are open but deleted count too."""
        room = _room(self._folders[0])
        if self._room - room <= self._limit:
            return False
        device = self._folders[0].stat().st_dev
        total = tree.deleted_bytes(list(process_ids), device)
        try:
            for size in self._changed():
                total += size
                if total > self._limit:
                    return True
        except RecursionError:
            return True  # deeper than can be measured
        self._room = room + total  # looked at again when as much is gone as is still allowed
        return False

    def _changed(self) -> Iterator[int]:
        for folder in self._folders:
            for _, _, files, descriptor in os.fwalk(folder):
                for name in files:
                    with contextlib.suppress(OSError):
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                        if status.st_ctime >= self._began:
                            yield max(status.st_blocks * 512, _ENTRY_BYTES)


def _room(folder: Path) -> int:
    """Return the free space, with that of files that could still be made, where their number is fixed."""
    status = os.statvfs(folder)
    return status.f_bfree * status.f_frsize + status.f_ffree * _ENTRY_BYTES
