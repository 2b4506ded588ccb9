"""A Prefect server as deployments/compose.yaml has it, and workers that share nothing but a network.

Commands and variables are read from that file: names of hosts become addresses here, required variables get values.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from services import Postgres, Redis, descendants, free_port

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "compose.yaml").read_text(encoding="utf-8"))
# What a person writes into `.env`.
SECRETS = {
    "PREFECT_POSTGRES_PASSWORD": "prefectsownpassword",
    "NIGHTWORK_POSTGRES_PASSWORD": "nightworksownpassword",
    "REDIS_PASSWORD": "redisownpassword",
    "PREFECT_AUTH": "admin:thewholeteamspassword",
    "PREFECT_ENCRYPTION_KEY": base64.urlsafe_b64encode(b"0123456789abcdef" * 2).decode(),
}
_VARIABLE = re.compile(r"\$\{(\w+):([?-])[^}]*\}")
_ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


@dataclass
class Process:
    """Something started, in a process group of its own, with a folder that is its home."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it and all that it has started as a power cut does."""
        for pid in [*descendants(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Cluster:
    """Server, services and workers; `addresses` is what stands for the hosts of the compose file."""

    folder: Path
    port: int
    addresses: Mapping[str, str]
    started: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def environment(self, service: str) -> dict[str, str]:
        """Return the variables of a service as they are here."""
        told = COMPOSE["services"][service].get("environment", {})
        return {name: self._here(str(value)) for name, value in told.items()}

    def command(self, service: str) -> list[str]:
        """Return the command of a service as it is here."""
        program, *arguments = (self._here(part) for part in COMPOSE["services"][service]["command"])
        return [sys.executable, "-m", {"nightwork": "flows.cli"}.get(program, program), *arguments]

    def _here(self, text: str) -> str:
        text = _VARIABLE.sub(lambda match: SECRETS[match[1]] if match[2] == "?" else "", text)
        if text in self.addresses:
            return self.addresses[text]
        for there, here in self.addresses.items():
            text = text.replace(there, here) if ":" in there else text
        return text

    def start(self, name: str, service: str, *arguments: str, **variables: str) -> Process:
        """Start a service with a home and a working folder of its own."""
        folder = self.folder / name
        (folder / "cwd").mkdir(parents=True)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*self.command(service), *arguments],
                cwd=folder / "cwd",
                env={**self._clean(folder), **self.environment(service), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(Process(name, folder, process))
        return self.started[-1]

    def nightwork(self, *arguments: str) -> str:
        """Run a command of nightwork as a person on yet another machine does; returns what it printed."""
        folder = self.folder / "person"
        environment = {**self._clean(folder), **self.environment("worker")}
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def deploy(self) -> None:
        """Tell the server of nightwork's deployments and automations."""
        deployed = self.start("deployments", "deployments")
        assert deployed.process.wait(240) == 0, deployed.log()

    def add_worker(self, **variables: str) -> Process:
        """Start one more worker: a home, a Prefect home, a state folder and a working folder of its own."""
        name = f"worker-{len(self.workers)}"
        results = {"PREFECT_LOCAL_STORAGE_PATH": str(self.folder / name / "results")}  # no volume that workers share
        self.workers.append(self.start(name, "worker", "--name", name, **results, **variables))
        return self.workers[-1]

    def kill_worker(self, number: int) -> list[str]:
        """End a worker and its runs as a power cut does; returns the ids of those runs, which look alive still."""
        own = set(descendants(self.workers[number].process.pid))
        running = self.ask("POST", "flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}})
        places = {run["id"]: run["infrastructure_pid"] for run in running if run["infrastructure_pid"]}
        self.workers[number].kill()
        return [run for run, place in places.items() if int(place.rpartition(":")[2]) in own]

    def worker_of(self, run: str) -> int:
        """Return the number of the worker that has started a run."""
        told = self.until(run, lambda found: bool(found["infrastructure_pid"]))["infrastructure_pid"]
        pid = int(told.rpartition(":")[2])
        return next(n for n, each in enumerate(self.workers) if pid in descendants(each.process.pid))

    def run(self, deployment: str, **parameters: Any) -> str:
        """Start a run of a deployment, such as `overnight/overnight`, by whichever worker is free; returns its id."""
        found = self.ask("GET", f"deployments/name/{deployment}")
        run = self.ask("POST", f"deployments/{found['id']}/create_flow_run", {"parameters": parameters})
        return str(run["id"])

    def wait(self, run: str, timeout_s: float = 180) -> dict[str, Any]:
        """Wait until a run has ended and return it; `state` tells how."""
        return self.until(run, lambda found: found["state_type"] in _ENDED, timeout_s)

    def until(self, run: str, holds: Callable[[dict[str, Any]], bool], timeout_s: float = 180) -> dict[str, Any]:
        """Wait until something holds for a run, and return the run."""
        deadline = time.monotonic() + timeout_s
        while not holds(found := self.ask("GET", f"flow_runs/{run}")):
            assert time.monotonic() < deadline, f"{found['name']} is {found['state_name']}:\n{self.logs()}"
            time.sleep(0.3)
        return dict(found)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the API answers."""
        name, _, password = SECRETS["PREFECT_AUTH"].partition(":")
        answer = httpx.request(method, f"{self.api}/{path}", json=body, auth=(name, password), timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def logs(self) -> str:
        return "\n".join(f"--- {each.name}\n{each.log()[-3000:]}" for each in self.started)

    def _clean(self, folder: Path) -> dict[str, str]:
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "PREFECT_HOME": str(folder / "prefect"),
            "XDG_STATE_HOME": str(folder / "state"),
            "DO_NOT_TRACK": "1",
        }


@contextlib.contextmanager
def started_cluster(folder: Path, postgres: Postgres, redis: Redis, workers: int = 2) -> Iterator[Cluster]:
    """Start server and services on PostgreSQL and Redis, deploy, and start workers; all of it ends, whatever happens.

    Both servers are to have been started with the passwords of `SECRETS`.
    """
    port = free_port()
    addresses = {
        "postgres:5432": f"127.0.0.1:{postgres.port}",
        "redis:6379": f"127.0.0.1:{redis.port}",
        "server:4200": f"127.0.0.1:{port}",
        "redis": "127.0.0.1",
        "6379": str(redis.port),
        "4200": str(port),
        "0.0.0.0": "127.0.0.1",
    }
    cluster = Cluster(folder, port, addresses)
    try:
        _make_databases(postgres)
        migrated = cluster.start("migrate", "migrate")
        assert migrated.process.wait(240) == 0, migrated.log()
        server = cluster.start("server", "server")
        _await_health(cluster, server)
        cluster.start("services", "services")
        cluster.deploy()
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        for each in reversed(cluster.started):
            each.kill()


def _make_databases(postgres: Postgres) -> None:
    """Do what the container of PostgreSQL does at its first start: its own database, then our script."""
    reach = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGPASSWORD": postgres.password}
    own = {"POSTGRES_USER": "prefect", "POSTGRES_DB": "prefect"}
    told = {"NIGHTWORK_POSTGRES_PASSWORD": SECRETS["NIGHTWORK_POSTGRES_PASSWORD"]}
    environment = {"PATH": os.environ["PATH"], **reach, **own, **told}
    made = ["psql", "--username", "prefect", "--dbname", "postgres", "--command", "CREATE DATABASE prefect"]
    for command in (made, ["sh", str(ROOT / "deployments" / "postgres-init.sh")]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _await_health(cluster: Cluster, server: Process) -> None:
    """Wait as the health check of the compose file does, which knows no password."""
    deadline = time.monotonic() + 120
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{cluster.api}/health", timeout=3).is_success:
                return
        assert server.process.poll() is None and time.monotonic() < deadline, server.log()
        time.sleep(0.2)
