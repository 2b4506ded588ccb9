"""Machines that share nothing but a remote: homes of their own, processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nightwork.batch import Batch
from nightwork.outcome import Outcome

DRIVER = Path(__file__).parents[2] / "assets" / "travel_driver.py"
BATCH = "night"


def run_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class Remote:
    """A bare repository that several machines know."""

    folder: Path
    work: Path
    log: Path

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        return run_git(self.folder, *arguments)

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)

    def kept(self, path: str) -> str:
        """Return a file of the batch as the remote holds it."""
        return self.git("show", f"refs/nightwork/batches/{BATCH}:{path}")

    def push(self, files: dict[str, str], message: str = "more") -> None:
        for name, text in files.items():
            (self.work / name).write_text(text)
        run_git(self.work, "add", "--all")
        run_git(self.work, "commit", "--quiet", "--allow-empty", "--message", message)
        run_git(self.work, "push", "--quiet", str(self.folder), "HEAD")


def script(log: Path, pause_s: float) -> dict[str, object]:
    """Return what the model says: two edits and two slow commands for each of A, B and C."""
    told = {}
    for name in "ABC":
        note = [
            {"run": {"command": ["sh", "-c", f"sleep {pause_s}; echo {name}-$0 >> {log}", step]}}
            for step in ("one", "two")
        ]
        told[name] = {
            "C0": [[{"list": {}}], [{"submit_scope": {"objective": name, "in_scope": [name]}}]],
            "C1": [[{"submit_plan": {"approach": "add a file"}}]],
            "C2": [
                [note[0], {"edit": {"path": f"{name}.txt", "old": "", "new": "one\n"}}],
                [{"edit": {"path": f"{name}.txt", "old": "one\n", "new": "one\ntwo\n"}}, note[1]],
                [{"submit_work": {"summary": f"add {name}.txt"}}],
            ],
        }
    return told


def make_remote(place: Path, pause_s: float = 0.0) -> Remote:
    """Make a remote with three tickets, B on A, whose commands take a while and count themselves."""
    work, log = place / "work", place / "log"
    (work / "tickets").mkdir(parents=True)
    log.touch()
    for name in "ABC":
        front = {"id": name, "title": f"Add {name}", "labels": ["ready-for-agent"]}
        front |= {"dependencies": ["A"]} if name == "B" else {}
        text = f"---\n{json.dumps(front)}\n---\n\n## Acceptance criteria\n\n- it is there\n"
        (work / "tickets" / f"{name}.md").write_text(text)
    (work / "script.yaml").write_text(json.dumps(script(log, pause_s)))
    settings = {
        "agent": {"model": "scripted:script.yaml"},
        "gates": [{"name": "tests", "measures": "tests", "command": ["true"]}],
        "batch": {"min_free_mb": 0},
        "sandbox": {"confine": False},  # the commands count themselves outside of their worktrees
    }
    (work / "nightwork.yaml").write_text(json.dumps(settings))
    run_git(work, "init", "--quiet", "--initial-branch=main")
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "start")
    run_git(place, "clone", "--quiet", "--bare", str(work), str(place / "remote.git"))
    return Remote(place / "remote.git", work, log)


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    """Return a remote whose agents are quick."""
    return make_remote(tmp_path / "shared")


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """Return a remote that a machine has left with a whole batch; only to be copied."""
    place = tmp_path_factory.mktemp("night")
    remote = make_remote(place / "shared")
    Machine(place / "machine").run("run", remote.url)
    return remote


@pytest.fixture
def travelled(night: Remote, tmp_path: Path) -> Remote:
    """Return a remote that holds a whole batch, which no machine of the test knows yet."""
    shared = shutil.copytree(night.folder.parent, tmp_path / "shared", symlinks=True)
    return Remote(shared / night.folder.name, shared / night.work.name, shared / night.log.name)


@dataclass
class Machine:
    """A home of its own; what is started on it is ended with the test."""

    home: Path
    lease: str = "6s"
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the driver; its errors go to a file in the home."""
        self.home.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "XDG_STATE_HOME": str(self.home), "NIGHTWORK_REMOTE__LEASE": self.lease}
        with (self.home / "errors").open("a") as errors:
            process = subprocess.Popen(
                [sys.executable, str(DRIVER), *arguments],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> str:
        """Run the driver to its good end; returns what it printed."""
        process = self.start(*arguments)
        out, _ = process.communicate("\n", timeout=120)
        assert process.returncode == 0, self.errors
        return out

    @property
    def errors(self) -> str:
        return (self.home / "errors").read_text()

    @property
    def copy(self) -> Path:
        """The working copy for runs."""
        return next(path for path in (self.home / "nightwork" / "clones").iterdir() if not path.name.endswith("-desk"))

    @property
    def batch(self) -> Batch:
        return Batch(self.copy, BATCH)

    def outcomes(self) -> dict[str, Outcome]:
        return self.batch.state().items


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Return what makes a machine by its name."""
    made: dict[str, Machine] = {}
    yield lambda name: made.setdefault(name, Machine(tmp_path / name))
    for each in made.values():
        for process in each.started:
            process.kill()
            process.communicate()


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Return what lets this process be on the machine of a name."""
    monkeypatch.setenv("NIGHTWORK_REMOTE__LEASE", "6s")
    return lambda name: monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))
