"""Servers that tests start for themselves, never the system's: PostgreSQL and Redis, ended however the test ends."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest

from nightwork.database import ENVIRONMENT, Place, Schema, take_from_environment

PASSWORD = "pass-word of/the:tests@%41"
USER = "prefect"
_START_S = 60.0
T = TypeVar("T")


@dataclass
class Postgres:
    """A server of PostgreSQL on a port of its own; `stop` and `start` do what an administrator may do at night."""

    folder: Path
    port: int
    password: str
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def url(self, name: str = "postgres", password: str = "") -> str:
        """Return the URL of a database, by default without the password, which PGPASSWORD may tell."""
        user = f"{USER}:{password}" if password else USER
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def known_url(self) -> str:
        """Return the URL without its password, which this process holds from now on."""
        variables = {ENVIRONMENT: self.url(password=quote(self.password, safe=""))}
        take_from_environment(variables)
        return variables[ENVIRONMENT]

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "max_connections": "200",
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._processes.append(
            _ended_with_us([_binary("postgres"), "-D", str(self.folder / "data"), *flags], self.folder, signal.SIGQUIT)
        )
        _await(lambda: _listens(self.port) and self._takes_connections(), self._processes[-1], self.folder)

    def stop(self) -> None:
        """Cut all connections off and end the server."""
        process = self._processes.pop()
        process.send_signal(signal.SIGQUIT)
        process.wait(30)

    def _takes_connections(self) -> bool:
        asked = [_binary("pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0


@contextlib.contextmanager
def started_postgres(password: str = PASSWORD) -> Iterator[Postgres]:
    """Start a server with a user and a password; raises FileNotFoundError where PostgreSQL is not installed."""
    _binary("postgres")
    folder = Path(tempfile.mkdtemp(prefix="nightwork-postgres-"))
    server = Postgres(folder, free_port(), password)
    try:
        (folder / "password").write_text(password)
        _hand_over(folder)
        made_by = ["--username", USER, "--auth", "scram-sha-256", "--pwfile", str(folder / "password")]
        form = ["--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        _run([_binary("initdb"), "--pgdata", str(folder / "data"), *made_by, *form], folder)
        server.start()
        yield server
    finally:
        with contextlib.suppress(IndexError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Redis:
    """A Redis on a port of its own."""

    port: int
    password: str


@contextlib.contextmanager
def started_redis(password: str = "redisoftests") -> Iterator[Redis]:
    """Start a Redis that keeps nothing; raises FileNotFoundError where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="nightwork-redis-") as name:
        folder = Path(name)
        _hand_over(folder)
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", name]
        options += ["--requirepass", password]
        process = _ended_with_us([program, *options], folder, signal.SIGKILL)
        try:
            _await(lambda: _listens(port), process, folder)
            yield Redis(port, password)
        finally:
            process.kill()
            process.wait(30)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server of PostgreSQL for all tests of a worker."""
    with or_skipped(started_postgres()) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    """Name places for tables, the same one for the same name: files of SQLite, then schemas of PostgreSQL."""
    if request.param == "sqlite":
        return lambda name: tmp_path / f"{name}.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    test = uuid.uuid4().hex[:12]
    return lambda name: Schema(server.known_url(), f"nightwork_{name}_{test}")


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """One Redis for all tests of a worker."""
    with or_skipped(started_redis()) as server:
        yield server


@contextlib.contextmanager
def or_skipped(starting: contextlib.AbstractContextManager[T]) -> Iterator[T]:
    """Start something; the test is skipped where it is not installed, and fails where it ought to be."""
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(starting)
        except FileNotFoundError as error:
            if os.environ.get("CI") == "true" and os.getuid() == 0 and shutil.which("apt-get"):
                pytest.fail(f"{error} is not installed, and could be")
            pytest.skip(f"{error} is not installed")
        yield started


def descendants(pid: int) -> list[int]:
    """Return the ids of all living processes below `pid`."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for current in found:
        found += [child for child, parent in parents.items() if parent == current]
    return found[1:]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _binary(name: str) -> str:
    """Return a program of PostgreSQL, the newest version's; Debian keeps them off the search path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        raise FileNotFoundError(f"PostgreSQL ({name})")
    return program


def _hand_over(folder: Path) -> None:
    """Give a folder to the user that servers run as: PostgreSQL refuses to be root."""
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, *_other_user())


def _other_user() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _as_user(arguments: list[str], *flags: str) -> list[str]:
    """Return a command that runs as another user than root, where there is a way to."""
    setpriv = shutil.which("setpriv")
    if os.getuid() == 0:
        assert setpriv, "setpriv of util-linux is needed to run as another user than root"
        uid, gid = _other_user()
        return [setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *flags, *arguments]
    return [setpriv, *flags, *arguments] if setpriv and flags else arguments


def _ended_with_us(arguments: list[str], folder: Path, by: signal.Signals) -> subprocess.Popen[bytes]:
    """Start a server that the kernel ends when this thread dies, be it by SIGKILL; to be called in the main thread."""
    command = _as_user(arguments, f"--pdeathsig={by.name.removeprefix('SIG')}")
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def _run(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(_as_user(arguments), cwd=folder, env=_environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def _await(holds: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"did not start: {(folder / 'server.log').read_text(errors='replace')}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
