"""Repositories and batches to measure on: real git, real files, in a temporary folder."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from nightwork.batch import Batch
from nightwork.outcome import Outcome, Status, Verdict
from nightwork.settings import load
from nightwork.stages import intake
from nightwork.stages.selection import Selection
from nightwork.ticket import READY_LABEL, Ticket

BATCH_ID = "measured"
FILES = 50


@contextlib.contextmanager
def repository(**settings: Any) -> Iterator[Path]:
    """Make a git repository of 50 small files with these settings, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="nightwork-bench-", ignore_cleanup_errors=True) as folder:
        root = Path(folder) / "repository"
        for number in range(FILES):
            path = root / f"package{number % 10}" / f"module{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'"""Module {number}."""\n\nNUMBER = {number}\n')
        (root / "nightwork.yaml").write_text(json.dumps(settings))
        git(root, "init", "--quiet", "--initial-branch=main")
        commit(root)
        yield root


def commit(root: Path) -> None:
    """Commit everything that is there."""
    git(root, "add", "--all")
    git(root, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "more")


def git(root: Path, *arguments: str) -> None:
    """Run git in a repository."""
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def tickets(count: int) -> list[Ticket]:
    """Return tickets that are ready and do not depend on each other."""
    return [
        Ticket(id=f"T-{number:04}", title=f"Add {number}", acceptance_criteria=("it is there",), labels=(READY_LABEL,))
        for number in range(count)
    ]


def write_tickets(root: Path, of: Sequence[Ticket]) -> None:
    """Write tickets as files, as a person would."""
    folder = root / "tickets"
    folder.mkdir(exist_ok=True)
    for ticket in of:
        front = yaml.safe_dump({"id": ticket.id, "title": ticket.title, "labels": list(ticket.labels)})
        criteria = "".join(f"- {criterion}\n" for criterion in ticket.acceptance_criteria)
        (folder / f"{ticket.id}.md").write_text(f"---\n{front}---\n\n## Acceptance criteria\n\n{criteria}")


def batch(root: Path, of: Sequence[Ticket], settled: int = 0) -> Batch:
    """Write tickets and their batch, whatever its size; the first `settled` completed in an earlier run.

    `batch.max_tickets` bounds what intake takes from a tracker; what it then writes is written here too.
    """
    write_tickets(root, of)
    made, chosen = Batch(root, BATCH_ID), Selection(admitted=list(of), dependencies={t.id: () for t in of})
    intake.write_manifest(str(root), made.id, load(root), chosen)
    state, now = made.state(), datetime.now(UTC)
    for ticket in of[:settled]:
        state.items[ticket.id] = Outcome(status=Status.COMPLETED, verdict=Verdict.PASSED, started_at=now, ended_at=now)
    made.save(state)
    return made
