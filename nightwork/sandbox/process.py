"""Runs one process to its end: its pipes kept to a limit, its time, the wish to stop, and what a guard forbids.

Here alone processes are started that are neither git nor helpers of our own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from nightwork import stop
from nightwork.sandbox.run import Finished, Run
from nightwork.sandbox.running import noted

_POLL_S = 0.1
_DRAIN_S = 2.0


class Guard(Protocol):
    """What a sandbox sees to while a process of its own runs."""

    def begin(self, process_id: int) -> None:
        """Take note of the process; called once, by the thread that started it."""

    def broken(self) -> str | None:
        """Return the limit that is broken; None while all hold. Asked every tenth of a second and at the end."""

    def end(self) -> None:
        """End whatever the process has left; called at least once, and again to no effect."""


class NoGuard:
    """Of a process that is not confined: its process group is all that is ended."""

    def begin(self, process_id: int) -> None:
        """Nothing to note."""

    def broken(self) -> str | None:
        """No limit holds."""
        return None

    def end(self) -> None:
        """Nothing beside the group."""


@dataclass(frozen=True)
class Start:
    """How the process of a run is started."""

    command: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str]
    descriptors: tuple[int, ...] = ()


def run_to_end(start: Start, run: Run, notes: Path, guard: Guard) -> Finished:
    """Run a command to its end; its process group is ended at a limit, on stop, and on return."""
    try:
        process = subprocess.Popen(
            start.command,
            cwd=start.folder,
            env=dict(start.variables),
            stdin=subprocess.PIPE if run.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=start.descriptors,
        )
    except (OSError, ValueError) as error:
        return Finished(None, "", f"{run.command[0]!r} could not be started: {error}", 0.0)
    try:
        with noted(notes, process.pid):
            guard.begin(process.pid)
            return _attend(process, run, guard)
    except OSError:
        _end(process, guard)
        process.communicate()
        raise
    finally:
        _end(process, guard)
        _reopen(start.folder)


def start_outliving(command: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path, note: Path) -> None:
    """Start a process that outlives this one, in a session of its own; what it says is appended to `log`.

    Before it begins it notes itself in `note` (its line of proc(5) `stat`, and the boot), so that no kill of this
    process can leave one that nobody knows of.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            ("/bin/sh", "-c", _NOTED, "sh", note, *command),
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # let go: nobody here waits for its end


_NOTED = (
    'cat "/proc/$$/stat" /proc/sys/kernel/random/boot_id > "$1.new" && mv "$1.new" "$1" && chmod 600 "$1" && shift'
    ' && exec "$@"'
)


def _reopen(folder: Path) -> None:
    """Let the owner into the folder of a command that has closed it."""
    with contextlib.suppress(OSError):
        mode = folder.stat().st_mode
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def _attend(process: subprocess.Popen[bytes], run: Run, guard: Guard) -> Finished:
    assert process.stdout and process.stderr
    started = time.monotonic()
    out, err = _Kept(process.stdout, run.output_limit), _Kept(process.stderr, run.output_limit)
    pipes: list[threading.Thread] = [out, err]
    if process.stdin:
        pipes.append(threading.Thread(target=_feed, args=(process.stdin, run.stdin), daemon=True))
    watcher = _Watcher(process, run.timeout_s, guard)
    for thread in (*pipes, watcher):
        thread.start()
    try:
        code = process.wait()
    finally:
        watcher.ended.set()
        watcher.join()
        limit = watcher.broken or guard.broken()
        _end(process, guard)
        for thread in pipes:
            thread.join(_DRAIN_S)
    stop.check()
    return Finished(
        exit_code=None if watcher.timed_out or limit else code,
        stdout=out.text(),
        stderr=err.text(),
        duration_s=time.monotonic() - started,
        timed_out=watcher.timed_out,
        truncated=out.truncated or err.truncated,
        limit=limit,
    )


class _Kept(threading.Thread):
    """Reads a pipe to its end, so that its writer never blocks, and keeps the first `limit` bytes."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._limit = limit
        self._data = bytearray()
        self.truncated = False

    def run(self) -> None:
        with self._pipe:
            while data := os.read(self._pipe.fileno(), 65536):
                room = self._limit - len(self._data)
                self._data += data[: max(room, 0)]
                self.truncated = self.truncated or len(data) > room

    def text(self) -> str:
        return bytes(self._data).decode("utf-8", "replace")


class _Watcher(threading.Thread):
    """Ends a process when its time is over, a limit is broken or the run is to stop."""

    def __init__(self, process: subprocess.Popen[bytes], timeout_s: float, guard: Guard) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._deadline = time.monotonic() + timeout_s
        self._guard = guard
        self.ended = threading.Event()
        self.timed_out = False
        self.broken: str | None = None

    def run(self) -> None:
        try:
            self._watch()
        except BaseException:
            _end(self._process, self._guard)  # nothing runs unwatched
            raise

    def _watch(self) -> None:
        while not self.ended.wait(min(_POLL_S, max(self._deadline - time.monotonic(), 0.0))):
            self.timed_out = time.monotonic() >= self._deadline
            self.broken = None if self.timed_out else self._guard.broken()
            if self.timed_out or self.broken or stop.is_requested():
                _end(self._process, self._guard)
                return


def _feed(pipe: IO[bytes], text: str) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(text.encode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes], guard: Guard) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    guard.end()
