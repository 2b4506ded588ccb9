"""Helper processes of our own: Python that works through what may crash, hang or fill the memory of a process.

They are started anew, never forked from a process with threads, and import nothing but what answers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import TracebackType

import nightwork
from nightwork.errors import Infrastructure

_PROGRAM = Path(__file__).with_name("answering.py")
_MEMORY = 2_000_000_000
_READ = 1 << 20


class Helper:
    """One process that answers bytes with bytes, in order; it ends with the parent, even one that is killed."""

    def __init__(self, module: str, function: str, seconds: int) -> None:
        self._seconds = seconds
        self._data = bytearray()
        self._is_begun = False
        self._is_over = False  # its pipe is closed: nothing but an end of its own can have done that
        self.asked: deque[bytes] = deque()  # not answered yet
        self._process = _started(module, function, str(seconds), str(_MEMORY))
        assert self._process.stdin and self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def __enter__(self) -> Helper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def fileno(self) -> int:
        """Return the descriptor that can be read when there is an answer, or an end."""
        return self._answers.fileno()

    def ask(self, request: bytes) -> None:
        """Send a request; a few short ones may wait for their answers."""
        self.asked.append(request)
        with contextlib.suppress(BrokenPipeError):
            self._requests.write(len(request).to_bytes(4, "big") + request)
            self._requests.flush()

    def answers(self) -> list[tuple[bytes, bytes]] | None:
        """Wait for data; return the requests that are answered by now, each with its answer; None at the end.

        Raises Infrastructure when the process ended before it could answer anything.
        """
        data = os.read(self.fileno(), _READ)
        if not data:
            self._is_over = True
            if not self._is_begun:
                raise Infrastructure("helper process", f"could not be started: {self.end()}")
            return None
        self._data += data
        return [(self.asked.popleft(), answer) for answer in self._taken()]

    def end(self) -> str:
        """End the process, whatever it is at; says how it ended."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        if self._answers.closed:
            return ""
        if not self._is_over:
            self._process.kill()
        code = self._process.wait()
        self._answers.close()
        return self._said(code)

    def _said(self, code: int) -> str:
        if code == -signal.SIGALRM:
            return f"took more than {self._seconds} s"
        return f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"

    def _taken(self) -> list[bytes]:
        taken: list[bytes] = []
        at = 0
        while len(self._data) - at >= 4:
            end = at + 4 + int.from_bytes(self._data[at : at + 4], "big")
            if len(self._data) < end:
                break
            if self._is_begun:
                taken.append(bytes(self._data[at + 4 : end]))
            self._is_begun = True
            at = end
        del self._data[:at]
        return taken


def _started(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the program; the standard library comes first where it looks for modules, then nightwork's own place."""
    folders = [str(Path(nightwork.__file__).parents[1]), *(path for path in sys.path if Path(path).is_absolute())]
    try:
        return subprocess.Popen(
            (sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_PROGRAM), *arguments, *folders),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise Infrastructure("helper process", f"could not be started: {error.strerror}") from error
