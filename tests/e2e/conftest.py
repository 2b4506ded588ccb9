"""The real command line, run as a subprocess with a home of its own, against one real Prefect server per worker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from services import descendants

TICKET = """---
id: {id}
title: {title}
labels: [ready-for-agent]
dependencies: [{dependencies}]
---

## Acceptance criteria

- {title}
"""

# A job in the background of a script, as tests may be, ignores Ctrl-C, and so does whatever it starts.
_FROM_A_TERMINAL = ("env", "--default-signal=INT")


@dataclass(frozen=True)
class Ran:
    """What came of one command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Program:
    """A command under way, in a process group of its own, with its output in files."""

    process: subprocess.Popen[bytes]
    output: Path

    def wait(self, timeout_s: float = 60) -> Ran:
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler then tells where every thread stands
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            raise AssertionError(f"did not end in {timeout_s} s:\n{self._text('err')}") from None
        return Ran(code, self._text("out"), self._text("err"))

    def kill(self) -> list[int]:
        """Send SIGKILL to the process and all that it started; returns the ids that it had started."""
        children = descendants(self.process.pid)
        os.killpg(self.process.pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        return children

    def _text(self, kind: str) -> str:
        return self.output.with_suffix(f".{kind}").read_text(encoding="utf-8")


@dataclass
class CommandLine:
    """`nightwork` in a subprocess: an empty home, a working folder outside the project, nothing of our environment."""

    folder: Path
    variables: Mapping[str, str]
    started: list[Program] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.cwd.mkdir()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def cwd(self) -> Path:
        return self.folder / "cwd"

    @property
    def environment(self) -> dict[str, str]:
        # A Prefect profile, a git configuration or settings of whoever runs the tests must not matter.
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONFAULTHANDLER": "1",
            **self.variables,
        }

    def __call__(self, *arguments: str, cwd: Path | None = None, timeout_s: float = 150) -> Ran:
        return self.start(*arguments, cwd=cwd).wait(timeout_s)

    def start(self, *arguments: str, cwd: Path | None = None) -> Program:
        output = self.folder / f"command-{len(self.started)}"
        with output.with_suffix(".out").open("wb") as out, output.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                [*_FROM_A_TERMINAL, sys.executable, "-m", "flows.cli", *arguments],
                cwd=cwd or self.cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.started.append(Program(process, output))
        return self.started[-1]

    def end(self) -> None:
        for program in self.started:
            if program.process.poll() is None:
                program.kill()


@dataclass(frozen=True)
class Repo:
    """A git repository of a test."""

    path: Path

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "start") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines()

    def commits_on(self, branch: str, base: str = "HEAD") -> int:
        return int(self.git("rev-list", "--count", f"{base}..{branch}"))

    def batch(self, name: str = "") -> Path:
        folder = self.path / ".nightwork" / "batches"
        if name:
            return folder / name
        (only,) = folder.iterdir()
        return only


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One real Prefect server for all tests of a worker; returns the address of its API."""
    folder = tmp_path_factory.mktemp("prefect-server")
    port, log = _free_port(), folder / "server.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url, deadline = f"http://127.0.0.1:{port}/api", time.monotonic() + 120
    try:
        while not _is_healthy(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the Prefect server did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.2)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[Callable[..., CommandLine]]:
    """Make command lines, each with a home of its own; what they leave running is ended."""
    made: list[CommandLine] = []

    def make(**variables: str) -> CommandLine:
        made.append(CommandLine(tmp_path / f"shell-{len(made)}", variables))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def nightwork(command_line: Callable[..., CommandLine], server: str) -> CommandLine:
    """The command line, with a Prefect server that runs already."""
    return command_line(PREFECT_API_URL=server)


@pytest.fixture
def serverless(command_line: Callable[..., CommandLine]) -> CommandLine:
    """The command line without a server: a command that needs one starts an ephemeral one."""
    return command_line()


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return _is_alive


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait until something holds."""

    def wait(holds: Callable[[], object], timeout_s: float = 60, told: Callable[[], str] = str) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, f"did not happen within {timeout_s} s: {told()}"
            time.sleep(0.05)

    return wait


@pytest.fixture
def ticket() -> Callable[..., str]:
    """The text of a ticket that is ready."""

    def text(name: str, title: str = "", dependencies: str = "") -> str:
        return TICKET.format(id=name, title=title or f"do {name}", dependencies=dependencies)

    return text


@pytest.fixture
def new_repo(tmp_path: Path, ticket: Callable[..., str]) -> Callable[..., Repo]:
    """Make a git repository with settings, tickets and files, committed on the branch `main`."""

    def make(
        settings: Mapping[str, Any] | None,
        tickets: tuple[str, ...] = ("T-1",),
        files: Mapping[str, str | bytes] | None = None,
        name: str = "repo",
    ) -> Repo:
        repo = Repo(tmp_path / name)
        repo.path.mkdir(parents=True)
        repo.git("init", "--quiet", "--initial-branch=main")
        repo.write({"src/a.txt": "one\n", **{f"tickets/{one}.md": ticket(one) for one in tickets}, **(files or {})})
        if settings is not None:
            repo.write({"nightwork.yaml": yaml.safe_dump(dict(settings), sort_keys=False)})
        repo.commit()
        return repo

    return make


@pytest.fixture
def writes_a_file() -> dict[str, Any]:
    """Settings with a command agent that writes one file named after its ticket, and a gate that always passes."""
    agent = ["sh", "-c", 'cat > /dev/null; echo done > "src/$NIGHTWORK_TICKET.txt"']
    return {
        "agent": {"kind": "command", "command": agent, "fix_rounds": 0},
        "gates": [{"name": "fine", "measures": "syntax", "command": ["true"]}],
    }
