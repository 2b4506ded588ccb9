"""A control room of a test's own: what `nightwork up` starts, in a home of its own, ended by `nightwork down`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


@dataclass(frozen=True)
class ControlRoom:
    """Where the server is and what it knows; addresses have no slash at the end."""

    folder: Path
    port: int

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.ui}/api"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": str(self.folder / "state"),
            "DO_NOT_TRACK": "1",
        }

    def nightwork(self, *arguments: str) -> str:
        """Run a command of nightwork in the room's home; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"nightwork {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, path: str, **filters: Any) -> Any:
        """Return what the API answers to a filter, or to a plain GET without one."""
        url = f"{self.api}/{path}"
        for _ in range(5):  # a busy server is asked again, as Prefect's own client does
            answer = httpx.post(url, json=filters, timeout=30) if filters else httpx.get(url, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(2)
        answer.raise_for_status()
        return answer.json()

    def logs(self) -> dict[str, str]:
        """What the processes of the room have written, by name."""
        found = (self.folder / "state").glob("**/control-room/*.log")
        return {log.stem: log.read_text(encoding="utf-8", errors="replace") for log in found}

    def end(self) -> None:
        """End everything, by force what `nightwork down` has left."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.nightwork("down")
        for pid in _pids_with(f"XDG_STATE_HOME={self.folder / 'state'}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def control_room(folder: Path) -> Iterator[ControlRoom]:
    """Start server, worker and deployments; all of it ends, whatever happens."""
    room = ControlRoom(folder, _free_port())
    try:
        json.loads(room.nightwork("up", "--port", str(room.port), "--json"))
        yield room
    finally:
        room.end()


def until(holds: Callable[[], T], timeout_s: float, told: Callable[[], str] = str) -> T:
    """Wait until something holds, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"did not happen within {timeout_s} s: {told()}"
        time.sleep(0.2)
    return found


def _pids_with(variable: str) -> list[int]:
    """Return the processes that have a variable in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if variable.encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
