"""A worktree in which hostile code has worked, as git on the host sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
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
    run_git(worktree / name, "status")
    assert mark.exists()  # plain git does
    mark.unlink()
    use(Repository(tmp_path / "outer"), worktree)
    assert not mark.exists()


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


def at_the_commit_of_the_submodule(worktree: Path) -> None:
    """Let git find the submodule as it should be, so that it looks for changes within."""
    commit = run_git(worktree, "rev-parse", "HEAD:sub").strip()
    (worktree / "sub" / ".git" / "HEAD").write_text(commit + "\n")


def test_programs_that_a_submodule_at_its_own_commit_names_are_not_run(tmp_path: Path, worktree: Path) -> None:
    arm(worktree / "sub", mark := tmp_path / "mark")
    at_the_commit_of_the_submodule(worktree)
    subprocess.run(["git", "status"], cwd=worktree, check=False, capture_output=True)
    assert mark.exists()  # plain git does
    mark.unlink()
    use(Repository(tmp_path / "outer"), worktree)
    assert not mark.exists()


def kept(tmp_path: Path, worktree: Path) -> dict[str, str]:
    repository = Repository(tmp_path / "outer")
    lines = repository.git("ls-tree", "-r", repository.snapshot(worktree)).splitlines()
    return {line.partition("\t")[2]: line.split()[0] for line in lines}


@pytest.mark.parametrize("commits", [False, True])
def test_the_files_of_a_repository_made_within_are_kept(tmp_path: Path, worktree: Path, commits: bool) -> None:
    inner = worktree / "new" / "deep"
    inner.mkdir(parents=True)
    for folder in (worktree / "new", inner):
        run_git(folder, "init", "--quiet")
        (folder / "work.py").write_text("work\n")
        if commits:
            run_git(folder, "add", "work.py")
            run_git(folder, "commit", "--quiet", "--message", "x")
    found = kept(tmp_path, worktree)
    assert {path for path in found if path.startswith("new")} == {"new/work.py", "new/deep/work.py"}
    assert found["sub"] == "160000"


def test_repositories_behind_links_and_in_ignored_folders_are_left_alone(tmp_path: Path, worktree: Path) -> None:
    outside, ignored = tmp_path / "outside", worktree / "deps"
    for folder in (outside, outside / "sub", ignored):
        folder.mkdir(exist_ok=True)
        run_git(folder, "init", "--quiet")
    (worktree / ".gitignore").write_text("deps/\n")
    (worktree / "link").symlink_to(outside)
    (worktree / "sub").rmdir()
    (worktree / "sub").symlink_to(outside / "sub")
    kept(tmp_path, worktree)
    assert all((folder / ".git" / "HEAD").exists() for folder in (outside, outside / "sub", ignored))


def test_more_files_are_restored_than_a_command_line_holds(tmp_path: Path, worktree: Path) -> None:
    repository, start = Repository(tmp_path / "outer"), worktree.joinpath("x" * 200)
    names = [f"{start.name}/{number:0200}" for number in range(9000)]
    start.mkdir()
    for name in names[1:]:
        (worktree / name).touch()
    repository.restore(worktree, repository.resolve("HEAD"), [*names, "a.txt"])
    assert not any(start.iterdir())
    tree = repository.snapshot(worktree)
    blob = repository.git("rev-parse", "HEAD:a.txt")
    listed = "".join(f"100644 blob {blob}\t{name}\n" for name in names)
    more = repository.git("mktree", stdin=listed.replace(f"{start.name}/", ""))
    whole = repository.git("mktree", stdin=f"040000 tree {more}\t{start.name}\n")
    repository.restore(worktree, repository.commit(whole, [], "x", datetime(2026, 1, 1, tzinfo=UTC)), names)
    assert len(list(start.iterdir())) == 9000 and tree != repository.snapshot(worktree)


CLOSED = """
import subprocess, sys
from pathlib import Path
from nightwork.workspace import Repository

root, mode = Path(sys.argv[1]), int(sys.argv[2], 8)
git = lambda folder, *words: subprocess.run(
    ["git", "-c", "user.name=a", "-c", "user.email=b", *words], cwd=folder, check=True, capture_output=True
)
git(root, "init", "--quiet")
git(root, "commit", "--quiet", "--allow-empty", "--message", "start")
repository, worktree = Repository(root), root / ".nightwork" / "agent"
repository.add_worktree(worktree, "HEAD")
for folder in (worktree / "new", worktree / "nested"):
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "work").write_text("work")
git(worktree / "nested", "init", "--quiet")
for folder in (worktree / "new", worktree / "nested"):
    (folder / "deep").chmod(mode)
    folder.chmod(mode)
print(repository.git("ls-tree", "-r", "--name-only", repository.snapshot(worktree)))
for folder in (worktree / "new", worktree / "nested"):
    (folder / "deep").chmod(mode)
    folder.chmod(mode)
repository.remove_worktree(worktree)
print(worktree.exists())
"""


# Starts a program that permissions hold back even when it is root's (capabilities 1 and 2, PR_CAPBSET_DROP).
ORDINARY = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""


@pytest.mark.parametrize("mode", ["0", "400", "500"])
def test_what_stands_in_a_folder_that_was_closed_is_kept_and_can_be_removed(tmp_path: Path, mode: str) -> None:
    command = [sys.executable, "-c", ORDINARY, CLOSED, str(tmp_path), mode]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["nested/deep/work", "new/deep/work", "False"]
