"""A machine with something to lose: secrets, another ticket's worktree, a server, a process of the user."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nightwork.sandbox import Bubblewrap, Confinement, Finished, Run, Sandbox, Unconfined
from nightwork.sandbox.works import works

SECRET = "hunter2-" + uuid.uuid4().hex
# Waits as a program of the user does, and lets itself be traced where a system asks for that (prctl PR_SET_PTRACER).
VICTIM = "import ctypes, sys; ctypes.CDLL(None).prctl(0x59616d61, -1, 0, 0, 0); print(1, flush=True); sys.stdin.read()"


@dataclass(frozen=True)
class Machine:
    """What attacks are aimed at; `worktree` is where the hostile command runs."""

    root: Path
    repository: Path
    worktree: Path
    home: Path
    outside: Path
    environment: Path
    victim: subprocess.Popen[bytes]
    server: socket.socket
    abstract: socket.socket
    socket: socket.socket

    @property
    def state(self) -> Path:
        return self.repository / ".nightwork"

    def confined(self, options: tuple[str, ...] | None = None, **limits: int) -> Sandbox:
        options = works().options if options is None else options
        return Bubblewrap(self.state, self.environment, Confinement(**limits), options)

    def unconfined(self) -> Sandbox:
        return Unconfined(self.state / "running", self.environment)

    def run(self, sandbox: Sandbox, program: str, **more: object) -> Finished:
        """Run a Python program in the worktree."""
        return sandbox.run(Run((sys.executable, "-c", program), self.worktree, **more))

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
        command = ["git", *identity, "-C", str(self.repository), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if works().problem:
        pytest.skip(works().problem)
    repository = tmp_path / "home" / "repository"
    worktree = repository / ".nightwork" / "worktrees" / "T-1" / "agent"
    folders = [repository, tmp_path / "home" / ".ssh", tmp_path / "outside", tmp_path / "environment" / "bin"]
    for folder in folders:
        folder.mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "id").write_text(SECRET)
    (tmp_path / "outside" / "file").write_text("theirs")
    (tmp_path / "environment" / "bin" / "tool").write_text("#!/bin/sh\necho tool\n")
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"TOKEN": SECRET, "PATH": "/usr/bin:/bin"},
        cwd=tmp_path / "home",
    )
    assert victim.stdout and victim.stdin
    victim.stdout.readline()
    sockets = [
        listening(socket.AF_INET, ("127.0.0.1", 0)),
        listening(socket.AF_UNIX, "\0nightwork-" + uuid.uuid4().hex),
        listening(socket.AF_UNIX, f"/tmp/nightwork-{uuid.uuid4().hex[:12]}"),
    ]
    made = Machine(
        tmp_path,
        repository,
        worktree,
        tmp_path / "home",
        tmp_path / "outside",
        tmp_path / "environment",
        victim,
        *sockets,
    )
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("remote", "add", "origin", f"https://ann:{SECRET}@example.org/shop.git")
    (repository / "a.txt").write_text("one\n")
    made.git("add", "a.txt")
    made.git("commit", "--quiet", "--message", "start")
    made.git("worktree", "add", "--quiet", "--detach", str(worktree))
    other = repository / ".nightwork" / "worktrees" / "T-2" / "agent"
    other.mkdir(parents=True)
    (other / "work.txt").write_text(SECRET)
    yield made
    victim.kill()
    victim.communicate()
    Path(sockets[2].getsockname()).unlink()
    for each in sockets:
        end(each)


def listening(family: socket.AddressFamily, address: object) -> socket.socket:
    """Return a server that tells the secret to whoever connects."""
    server = socket.socket(family)
    server.bind(address)
    server.listen(8)

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.sendall(SECRET.encode())

    threading.Thread(target=serve, daemon=True, name=f"listening {server.fileno()}").start()
    return server


def end(server: socket.socket) -> None:
    """Close a server with its thread.

    A thread that stays blocked in accept goes on with whatever socket gets the number next, once a signal or a freezer
    lets the kernel start the call again: it answered the clients of other tests.
    """
    name = f"listening {server.fileno()}"
    server.shutdown(socket.SHUT_RDWR)
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)
            assert not thread.is_alive()
    server.close()
