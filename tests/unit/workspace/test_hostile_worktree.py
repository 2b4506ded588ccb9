"""A worktree in which hostile code has worked, as git on the host sees it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nightwork.workspace import Repository


def run_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=b", "-c", "protocol.file.allow=always"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    """Return an agent's worktree of a repository that has a submodule `sub`."""
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for folder in (inner, outer):
        folder.mkdir()
        run_git(folder, "init", "--quiet")
        (folder / "a.txt").write_text("one\n")
        run_git(folder, "add", "a.txt")
        run_git(folder, "commit", "--quiet", "--message", "start")
    run_git(outer, "submodule", "--quiet", "add", str(inner), "sub")
    run_git(outer, "commit", "--quiet", "--message", "sub")
    worktree = outer / ".nightwork" / "agent"
    Repository(outer).add_worktree(worktree, "HEAD")
    return worktree


def arm(folder: Path, mark: Path) -> None:
    """Make a folder a repository whose configuration names programs that touch `mark`."""
    program = folder.parent / "evil"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    folder.mkdir(exist_ok=True)
    run_git(folder, "init", "--quiet")
    (folder / "f").write_text("x")
    run_git(folder, "add", "f")
    run_git(folder, "commit", "--quiet", "--message", "x")
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.process", "diff.external"):
        run_git(folder, "config", key, str(program))
    (folder / ".gitattributes").write_text("* filter=x\n")
    (folder / "f").write_text("y")


def use(repository: Repository, worktree: Path) -> None:
    repository.snapshot(worktree)
    repository.restore(worktree, repository.resolve("HEAD"), ["a.txt"])


@pytest.mark.parametrize("name", ["sub", "nested"])
def test_programs_that_a_repository_made_by_an_agent_names_are_not_run(
    tmp_path: Path, worktree: Path, name: str
) -> None:
    arm(worktree / name, mark := tmp_path / "mark")
    use(Repository(tmp_path / "outer"), worktree)
    assert not mark.exists()
    run_git(worktree / name, "status")
    assert mark.exists()  # plain git would have


def pipe(path: Path) -> None:
    os.mkfifo(path)


def locked(path: Path) -> None:
    path.write_text("two\n")
    path.chmod(0)


@pytest.mark.parametrize("put", [pipe, locked])
def test_what_stands_in_place_of_a_file_ends_no_snapshot(tmp_path: Path, worktree: Path, put: Any) -> None:
    (worktree / "a.txt").unlink()
    put(worktree / "a.txt")
    put(worktree / "new.txt")
    repository = Repository(tmp_path / "outer")
    tree = repository.snapshot(worktree)
    names = repository.git("ls-tree", "--name-only", tree).split()
    assert ("a.txt" in names) == (put is locked)


def test_a_link_to_a_file_outside_is_kept_as_a_link(tmp_path: Path, worktree: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (worktree / "link").symlink_to(tmp_path / "secret")
    repository = Repository(tmp_path / "outer")
    tree = repository.snapshot(worktree)
    assert repository.git("cat-file", "blob", f"{tree}:link") == str(tmp_path / "secret")
