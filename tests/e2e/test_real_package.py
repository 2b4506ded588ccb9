"""A real published package of some hundred modules: each ticket fixes one rule, and the package's own tests judge."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import pytest

from nightwork.review import ReviewDocument

AGENT = Path(__file__).parents[1] / "assets" / "fix_rule.py"
RULES = ("C420", "RET505", "SIM108", "RUF005", "RUF010", "RUF022")
FOLDERS = ("networkx/algorithms", "networkx/readwrite", "networkx/utils")
TESTS = ("networkx/classes/tests/test_graph.py", "networkx/classes/tests/test_digraph.py")
PYPROJECT = """[project]
name = "networkx"
version = "0"

[tool.ruff.lint]
select = ["E9", "F63", "F7", "F82"]
"""


def _findings(folder: Path, rule: str) -> int:
    command = ["-m", "ruff", "check", "--no-cache", "--isolated", "--select", rule, "--output-format", "concise", "-q"]
    done = subprocess.run([sys.executable, *command, *FOLDERS], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.count(f" {rule} ")


@pytest.fixture
def package(new_repo: Callable[..., Any]) -> Any:
    """The installed networkx as a repository, with its gates and a ticket for each rule."""
    gates = [
        {
            "name": "lint",
            "measures": "syntax",
            "command": ["ruff", "check", "--no-cache", "--exit-zero", "--output-format", "sarif", "networkx"],
            "report": "sarif",
        },
        {
            "name": "tests",
            "measures": "tests",
            "command": [
                *("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *(*TESTS, "--junitxml=.report.xml"),
            ],
            "report": "junit",
            "report_path": ".report.xml",
        },
    ]
    agent = {"kind": "command", "command": [sys.executable, str(AGENT), *FOLDERS], "fix_rounds": 0}
    settings = {"batch": {"parallel_agents": 2}, "agent": agent, "gates": gates}
    repo = new_repo(settings, tuple(f"RULE-{rule}" for rule in RULES), {"pyproject.toml": PYPROJECT})
    leftovers = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(networkx.__file__).parent, repo.path / "networkx", ignore=leftovers)
    for folder in (repo.path / "networkx").rglob("tests"):
        if folder.parent.name != "classes":
            shutil.rmtree(folder)
    repo.commit("networkx")
    return repo


def test_each_ticket_is_completed_and_passed_and_leaves_fewer_findings_of_its_rule(
    nightwork: Any, package: Any, tmp_path: Path
):
    assert len(list((package.path / "networkx").rglob("*.py"))) > 200
    ran = nightwork("run", "--json", "--repo", str(package.path))
    assert ran.code == 0, ran.err
    document = ReviewDocument.model_validate_json(ran.out)
    rows = {row.ticket: row for row in document.queue}
    assert set(rows) == {f"RULE-{rule}" for rule in RULES}
    assert {(str(row.verdict), row.ready) for row in rows.values()} == {("passed", True)}, ran.out
    (red,) = document.red_on_base  # what the package has on its base counts for no ticket
    assert red.startswith("lint: ")
    for rule in RULES:
        row = rows[f"RULE-{rule}"]
        details = {gate.gate: gate.detail for gate in row.gates}
        assert details["lint"].startswith("0 new, ")
        assert "passed" in details["tests"]
        assert int(details["tests"].split()[0]) > 100
        changed = package.git("diff", "--name-only", "main", row.branch).splitlines()
        assert changed
        assert {Path(name).suffix for name in changed} == {".py"}
        assert len(changed) == row.files
        package.git("worktree", "add", "--quiet", "--detach", str(tmp_path / rule), row.branch)
        assert _findings(tmp_path / rule, rule) < _findings(package.path, rule)
