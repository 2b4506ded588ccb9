"""A control room of a test's own: a Prefect server, a worker and our deployments, in real processes with one home."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
POOL = "nightwork"


@dataclass
class ControlRoom:
    """Where the processes are, and what they write; `api` and `ui` are addresses without a slash at the end."""

    folder: Path
    port: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.ui}/api"

    @property
    def database(self) -> Path:
        return self.folder / "prefect" / "prefect.db"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "nightwork",
            "DO_NOT_TRACK": "1",
        }

    def log(self, name: str) -> str:
        """What a process has written so far: `server` or `worker`."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def start(self, name: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a `prefect` command that stays, in a process group of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
                cwd=self.folder,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run a `prefect` command that ends; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=cwd or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, f"prefect {' '.join(arguments)}:\n{done.stdout}"
        return done.stdout

    def ask(self, path: str, **filters: Any) -> Any:
        """Return what the API answers to a filter, or to a plain GET without one."""
        url = f"{self.api}/{path}"
        answer = httpx.post(url, json=filters, timeout=30) if filters else httpx.get(url, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def flow_runs(self, deployment: str) -> list[dict[str, Any]]:
        """The runs of a deployment, oldest first."""
        runs: list[dict[str, Any]] = self.ask(
            "flow_runs/filter", deployments={"name": {"any_": [deployment]}}, sort="START_TIME_ASC"
        )
        return sorted(runs, key=lambda run: run["created"])

    def end(self) -> None:
        """End everything that was started, workers before the server, and what a flow run has left."""
        for process in reversed(self.started):
            for number, patience_s in ((signal.SIGTERM, 15), (signal.SIGKILL, 10)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience_s)
                    break


@contextlib.contextmanager
def control_room(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[ControlRoom]:
    """Start server and worker and deploy everything that prefect.yaml promises; all of it ends, whatever happens."""
    room = ControlRoom(folder, _free_port())
    try:
        server = room.start("server", "server", "start", "--host", "127.0.0.1", "--port", str(room.port))
        until(lambda: _is_healthy(room.api, server), 120, lambda: room.log("server"))
        room.run("work-pool", "create", POOL, "--type", "process")
        [
            room.run("deploy", "--name", n, cwd=ROOT) for n in __import__("os").environ.get("ONLY", "").split()
        ] or room.run("deploy", "--all", cwd=ROOT)
        room.start("worker", "worker", "start", "--pool", POOL, "--name", "here", **(variables or {}))
        yield room
    finally:
        room.end()


def until(holds: Any, timeout_s: float, told: Any = str) -> Any:
    """Wait until something holds, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"did not happen within {timeout_s} s: {told()}"
        time.sleep(0.2)
    return found


def _is_healthy(api: str, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "the server has ended"
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{api}/health", timeout=2).is_success
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
