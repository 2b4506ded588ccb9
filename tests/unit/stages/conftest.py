"""Batches on plain threads: what the overnight flow does, without Prefect, with real git and real processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nightwork.batch import Batch, newest, start_batch
from nightwork.lock import hold
from nightwork.review import ReviewDocument
from nightwork.settings import RunOptions
from nightwork.stages import gates, generation, intake, review, ticket, together


def run_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def git() -> Callable[..., str]:
    """Return git, run in a folder."""
    return run_git


@dataclass(frozen=True)
class Night:
    """A repository on which batches are run."""

    root: Path

    def git(self, *arguments: str) -> str:
        return run_git(self.root, *arguments)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def ticket(self, name: str, **front: Any) -> None:
        head = {"id": name, "title": f"Add {name}", "labels": ["ready-for-agent"], **front}
        self.write(f"tickets/{name}.md", f"---\n{json.dumps(head)}\n---\n\n## Acceptance criteria\n\n- it is there\n")

    def settings(self, command: str, gates: dict[str, str] | None = None, **more: Any) -> None:
        """Let a shell line be the agent; gates are shell lines too."""
        found = [
            {"name": name, "measures": "tests" if name == "tests" else "syntax", "command": ["sh", "-c", line]}
            for name, line in (gates or {"tests": "true"}).items()
        ]
        agent = {"kind": "command", "command": ["sh", "-c", command, "{budget_usd}"]}
        self.write("nightwork.yaml", json.dumps({"agent": agent, "gates": found, **more}))

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "more")
        return self.git("rev-parse", "HEAD")

    def begin(self, **options: Any) -> Batch:
        batch, settings = start_batch(str(self.root), None, RunOptions(**options))
        selection = intake.collect(str(self.root), settings)
        intake.write_manifest(str(self.root), batch.id, settings, selection)
        intake.measure_base(str(self.root), batch.id)
        return batch

    def go_on(self, batch: Batch, **options: Any) -> ReviewDocument:
        chosen = RunOptions(**options)
        work = (ticket.scope, ticket.plan, ticket.implement, ticket.publish)
        with hold(self.root, "a test"), ThreadPoolExecutor(4) as pool:
            batch.settle_settings(chosen)
            generation.run_tickets(
                batch,
                lambda ref: pool.submit(ticket.generate_ticket, ref, *work),
                options=chosen,
            )
            gates.run_gates(batch, lambda ref: pool.submit(gates.judge_ticket, ref))
            together.combine(batch)
        return review.review(str(self.root), batch.id)

    def run(self, **options: Any) -> tuple[Batch, ReviewDocument]:
        batch = self.begin(**options)
        return batch, self.go_on(batch, **options)

    def newest(self) -> Batch:
        batch = newest(self.root)
        assert batch is not None
        return batch


@pytest.fixture(scope="session")
def open_night() -> type[Night]:
    """Return what makes a night of a folder, for fixtures that share one."""
    return Night


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Return a repository with two tickets, B on A, and an agent that adds a file named as the ticket."""
    night = Night(tmp_path / "repository")
    night.root.mkdir()
    night.git("init", "--quiet", "--initial-branch=main")
    night.ticket("A")
    night.ticket("B", dependencies=["A"])
    night.settings('echo "$NIGHTWORK_ATTEMPT" >> "$NIGHTWORK_TICKET.txt"')
    night.commit()
    return night
