"""The plain runner: a clean environment, a time limit and an output limit, but no confinement."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from nightwork import stop
from nightwork.files import refuse_full_disk
from nightwork.sandbox.run import Finished, Run
from nightwork.sandbox.running import noted

_POLL_S = 0.1
_DRAIN_S = 2.0
_PASSED = ("LANG", "LC_ALL", "TZ")
_OWN_SCRIPTS = sysconfig.get_path("scripts")


class Unconfined:
    """Runs commands as the user, with a private home and none of the user's variables but the search path.

    They see the prepared environment, and nothing keeps them from writing to it.
    """

    name = "unconfined"

    def __init__(self, notes: Path, environment: Path | None = None) -> None:
        self._notes = notes
        self._environment = environment

    def run(self, run: Run) -> Finished:
        """Run a command to its end; its process group is ended at the time limit, on stop, and on return."""
        with tempfile.TemporaryDirectory(prefix="nightwork-home-", ignore_cleanup_errors=True) as home:
            try:
                process = subprocess.Popen(
                    run.command,
                    cwd=run.folder,
                    env={**clean_environment(home, self._environment), **run.variables},
                    stdin=subprocess.PIPE if run.stdin else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                return Finished(None, "", f"{run.command[0]!r} could not be started: {error}", 0.0)
            try:
                with noted(self._notes, process.pid):
                    finished = _attend(process, run)
            except OSError:
                _end_group(process)
                process.communicate()
                raise
            finally:
                _end_group(process)
            if finished.exit_code != 0:
                for folder in (run.folder, Path(home)):
                    refuse_full_disk(folder, f"{run.command[0]!r} failed there")
            return finished


def clean_environment(home: str, prepared: Path | None = None) -> dict[str, str]:
    """Return the variables that every command sees; `prepared` tools come first on the path, those beside this Python
    last.

    Relative entries of the path are left out: they would lead into the folder of the change.
    """
    own = {"NIGHTWORK_ENVIRONMENT": str(prepared)} if prepared else {}
    folders = [
        *([str(prepared / "bin")] if prepared else []),
        *os.environ.get("PATH", os.defpath).split(os.pathsep),
        _OWN_SCRIPTS,
    ]
    path = os.pathsep.join(dict.fromkeys(folder for folder in folders if Path(folder).is_absolute()))
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {**passed, **own, "PATH": path, "HOME": home, "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"}


def _attend(process: subprocess.Popen[bytes], run: Run) -> Finished:
    assert process.stdout and process.stderr
    started = time.monotonic()
    out, err = _Kept(process.stdout, run.output_limit), _Kept(process.stderr, run.output_limit)
    pipes: list[threading.Thread] = [out, err]
    if process.stdin:
        pipes.append(threading.Thread(target=_feed, args=(process.stdin, run.stdin), daemon=True))
    ended, timed_out = threading.Event(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(process, run.timeout_s, ended, timed_out), daemon=True)
    for thread in (*pipes, watcher):
        thread.start()
    try:
        code = process.wait()
    finally:
        ended.set()
        _end_group(process)
        watcher.join()
        for thread in pipes:
            thread.join(_DRAIN_S)
    stop.check()
    return Finished(
        exit_code=None if timed_out.is_set() else code,
        stdout=out.text(),
        stderr=err.text(),
        duration_s=time.monotonic() - started,
        timed_out=timed_out.is_set(),
        truncated=out.truncated or err.truncated,
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


def _feed(pipe: IO[bytes], text: str) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(text.encode("utf-8", "replace"))


def _watch(
    process: subprocess.Popen[bytes], timeout_s: float, ended: threading.Event, timed_out: threading.Event
) -> None:
    deadline = time.monotonic() + timeout_s
    while not ended.wait(min(_POLL_S, max(deadline - time.monotonic(), 0.0))):
        if time.monotonic() >= deadline:
            timed_out.set()
        if timed_out.is_set() or stop.is_requested():
            _end_group(process)
            return


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
