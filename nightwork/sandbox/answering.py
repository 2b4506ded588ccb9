"""The program of a helper process: answers requests one by one until there are no more.

It is run as a file, not imported, so that it starts without the packages that the sandbox needs. Arguments: the module
and the function that answers bytes with bytes, the seconds a request may take, the bytes of memory, and where modules
are found beside the standard library.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import sys
from importlib import import_module
from typing import BinaryIO


def main(module: str, function: str, seconds: str, memory: str, *folders: str) -> None:
    """Answer what standard input asks, each request and each answer behind its length."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    sys.path.extend(folders)
    answer = getattr(import_module(module), function)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    gc.disable()
    _send(answers, b"")
    while len(size := requests.read(4)) == 4:
        # It ends the process inside of any C code, and when nobody is left who could.
        signal.alarm(int(seconds))
        _send(answers, answer(requests.read(int.from_bytes(size, "big"))))
        signal.alarm(0)


def _send(answers: BinaryIO, answer: bytes) -> None:
    answers.write(len(answer).to_bytes(4, "big"))
    answers.write(answer)
    answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main(*sys.argv[1:])
