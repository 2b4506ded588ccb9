"""`nightwork drift`: what it prints, what it writes, and how it exits; Prefect has no part in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from specs_by_hand import write_spec

SOURCE = "def f(a):\n    return a\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg/a.py").write_text(SOURCE)
    write_spec(root, ["pkg/a.py"])
    return root


def test_specs_that_are_true_pass_the_check(serverless: Any, project: Path):
    ran = serverless("drift", "--check", "--repo", str(project))
    assert (ran.code, ran.out, ran.err) == (0, "", "1 spec read: no drift\n")
    assert not (project / "drift-logs").exists()


def test_drift_fails_the_check_from_its_level_on(serverless: Any, project: Path):
    (project / "pkg/a.py").write_text(SOURCE.replace("f(a)", "f(a, b)"))
    codes = [
        serverless("drift", "--repo", str(project), "--no-log", *arguments).code
        for arguments in ((), ("--check",), ("--check", "--level", "medium"), ("--check", "--level", "high"))
    ]
    assert codes == [0, 1, 1, 0]
    assert not (project / "drift-logs").exists()
    ran = serverless("drift", "--repo", str(project))
    assert "parameter `b` added" in ran.out
    (log,) = (project / "drift-logs").iterdir()
    assert f"drift-logs/{log.name}" in ran.err
    assert "`nightwork specs --update` makes the specs true again" in ran.err


def test_a_change_of_form_is_none(serverless: Any, project: Path):
    (project / "pkg/a.py").write_text(SOURCE.replace("\n", "  # why\n", 1))
    ran = serverless("drift", "--check", "--json", "--repo", str(project))
    assert (ran.code, ran.json()["noise"], ran.json()["units"]) == (0, 1, [])


def test_json_is_alone_on_standard_output(serverless: Any, project: Path):
    (project / "pkg/a.py").unlink()
    ran = serverless("drift", "--check", "--json", "--repo", str(project))
    assert (ran.code, ran.json()["counts"]) == (1, {"high": 1, "medium": 0, "low": 0})


def test_a_project_without_specs_is_bad_input(serverless: Any, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    ran = serverless("drift", "--repo", str(tmp_path / "empty"))
    assert (ran.code, ran.out) == (2, "")
    assert "has no specs/; `nightwork specs` writes them" in ran.err
    assert serverless("drift", "--level", "none").code == 2


WITHOUT_PREFECT = """
import sys
from flows.cli import run_command
assert run_command(["drift", "--repo", sys.argv[1]]) == 0
print(sorted(name for name in ("prefect", "networkx", "anthropic") if name in sys.modules))
"""


def test_prefect_is_not_imported(project: Path):
    command = [sys.executable, "-c", WITHOUT_PREFECT, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n")
