"""Holds the limits of one confined command, and ends its whole process tree.

Control groups hold processes and memory where they can be made. Else the kernel's limit on a user's processes holds
inside the sandbox (not for root), and a look at the tree each tenth of a second ends what takes too much.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from nightwork.sandbox import tree
from nightwork.sandbox.cgroup import Group
from nightwork.sandbox.confinement import Confinement
from nightwork.sandbox.disk import Growth

MB = 1_000_000
_GONE_S = 10.0


class Limits:
    """The guard of one command in a pid namespace of its own; on `tells` bwrap says which process is first there."""

    def __init__(self, confinement: Confinement, folders: Sequence[Path]) -> None:
        self._confinement = confinement
        self._group = Group(confinement.processes, confinement.memory_mb * MB)
        self._growth = Growth(folders, confinement.disk_mb * MB)
        self._told, self.tells = os.pipe()
        self._began = False
        self._first: int | None = None
        self._handle: int | None = None
        self._lock = threading.Lock()

    @property
    def joined_by(self) -> list[Path]:
        """The files into which the first process writes its id to be held by control groups."""
        return self._group.joined_by

    def begin(self, process_id: int) -> None:
        """Learn which process is the first of the namespace: with it, all end."""
        del process_id
        self._began = True
        os.close(self.tells)
        with os.fdopen(self._told, "rb") as pipe:
            text = pipe.read()
        with contextlib.suppress(ValueError, KeyError, ProcessLookupError):
            self._first = int(json.loads(text)["child-pid"])
            self._handle = os.pidfd_open(self._first)

    def broken(self) -> str | None:
        """Return the limit that is broken, with its setting and what it is."""
        confinement = self._confinement
        ids = self._processes()
        if self._group.hit() == "pids" or self._too_many(ids):
            return f"more than {confinement.processes} processes (sandbox.processes)"
        if self._group.hit() == "memory" or self._too_much(ids):
            return f"more than {confinement.memory_mb} MB of memory (sandbox.memory_mb)"
        if self._growth.is_over(ids or self._descendants()):
            return f"more than {confinement.disk_mb} MB of disk (sandbox.disk_mb)"
        return None

    def _processes(self) -> list[int]:
        return [] if self._group.kinds == {"pids", "memory"} else self._descendants()

    def _descendants(self) -> list[int]:
        return tree.descendants(self._first) if self._first else []

    def _too_many(self, ids: list[int]) -> bool:
        return "pids" not in self._group.kinds and tree.threads(ids) >= self._confinement.processes

    def _too_much(self, ids: list[int]) -> bool:
        return "memory" not in self._group.kinds and tree.memory_bytes(ids) > self._confinement.memory_mb * MB

    def end(self) -> None:
        """End the first process of the namespace, and wait until the kernel has ended all others."""
        with self._lock:
            if not self._began:
                self._began = True
                os.close(self.tells)
                os.close(self._told)
            if self._handle is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                waiting = select.poll()
                waiting.register(self._handle, select.POLLIN)
                waiting.poll(_GONE_S * 1000)
                os.close(self._handle)
                self._handle = None
            self._group.remove()
