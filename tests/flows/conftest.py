"""A real Prefect server for a whole session, and small repositories to run batches on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of repositories: tickets as {id: front matter}, the model's script, gates as shell lines."""

    def make(
        tickets: dict[str, dict[str, object]],
        script: dict[str, dict[str, list[object]]] | None = None,
        gates: dict[str, str] | None = None,
        **settings: object,
    ) -> Path:
        root = tmp_path / "repository"
        (root / "tickets").mkdir(parents=True)
        for name, front in tickets.items():
            head = yaml.safe_dump({"id": name, "title": f"Add {name}", "labels": ["ready-for-agent"], **front})
            text = f"---\n{head}---\n\nAdd it.\n\n## Acceptance criteria\n\n- it is there\n"
            (root / "tickets" / f"{name}.md").write_text(text)
        whole = {name: {**easy(name), **(script or {}).get(name, {})} for name in tickets}
        (root / "script.yaml").write_text(json.dumps(whole, indent=1))
        gate_list = [
            {"name": name, "measures": "tests" if name == "tests" else "syntax", "command": ["sh", "-c", line]}
            for name, line in (gates or {"tests": "true"}).items()
        ]
        data = {"agent": {"model": "scripted:script.yaml"}, "gates": gate_list, **settings}
        (root / "nightwork.yaml").write_text(yaml.safe_dump(data))
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "start")
        return root

    return make


def easy(name: str) -> dict[str, list[object]]:
    """Return a script that adds one file and ends well."""
    return {
        "C0": [[{"submit_scope": {"objective": f"add {name}", "in_scope": [name]}}]],
        "C1": [[{"submit_plan": {"approach": "add a file"}}]],
        "C2": [
            [{"edit": {"path": f"{name}.txt", "old": "", "new": f"{name}\n"}}],
            [{"submit_work": {"summary": f"add {name}.txt", "changes": ["add a file"]}}],
        ],
    }
