"""Which files belong to a project, in real repositories and plain folders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightwork.errors import BadInput
from nightwork.module_spec.source.files import project_files


def run(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x = 1\n")


def everything(folder: Path) -> Iterator[tuple[str, int, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.stat().st_mtime_ns, path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    put(
        folder,
        "a.py",
        "b/c.py",
        "b/ignored.py",
        "b/out/d.py",
        "out/e.py",
        "specs/x.py",
        "b/specs/y.py",
        ".nightwork/z.py",
    )
    put(folder, "drift-logs/x.md", "deep/.hidden/f.py")
    (folder / ".gitignore").write_text("/out/\n")
    (folder / "b" / ".gitignore").write_text("ignored.py\n*.tmp\n!kept.tmp\n")
    put(folder, "b/a.tmp", "b/kept.tmp")
    return folder


EXPECTED = [
    ".gitignore", "a.py", "b/.gitignore", "b/c.py", "b/kept.tmp", "b/out/d.py", "b/specs/y.py", "deep/.hidden/f.py",
]  # fmt: skip


def test_a_plain_folder_has_what_its_ignore_files_leave(folder: Path) -> None:
    before = list(everything(folder))
    assert project_files(folder) == EXPECTED
    assert list(everything(folder)) == before


def test_a_repository_has_what_is_tracked_and_what_is_not_ignored(folder: Path) -> None:
    run(folder, "init", "--quiet")
    run(folder, "add", "--all", "--", "a.py", "b")
    run(folder, "add", "--force", "--", "out/e.py")
    before = list(everything(folder))
    assert project_files(folder) == sorted([*EXPECTED, "out/e.py"])
    assert project_files(folder / "b") == [".gitignore", "c.py", "kept.tmp", "out/d.py"]
    assert list(everything(folder)) == before


def test_what_was_deleted_is_left_out(folder: Path) -> None:
    run(folder, "init", "--quiet")
    run(folder, "add", "--all")
    (folder / "a.py").unlink()
    assert "a.py" not in project_files(folder)


def test_a_folder_that_the_repository_around_it_ignores_is_a_project_of_its_own(folder: Path) -> None:
    run(folder, "init", "--quiet")
    assert project_files(folder / "out") == ["e.py"]


def test_repositories_within_a_plain_folder_are_looked_into(folder: Path) -> None:
    put(folder, "within/g.py", "within/h.tmp")
    (folder / "within" / ".gitignore").write_text("*.tmp\n")
    run(folder / "within", "init", "--quiet")
    assert project_files(folder) == sorted([*EXPECTED, "within/.gitignore", "within/g.py"])


def test_links_are_left_out_and_loops_are_harmless(folder: Path, tmp_path: Path) -> None:
    put(tmp_path, "outside/secret.py")
    for name, target in {"l.py": "a.py", "loop": ".", "out.py": "../outside/secret.py", "outer": "../outside"}.items():
        (folder / name).symlink_to(target)
    assert project_files(folder) == EXPECTED
    run(folder, "init", "--quiet")
    run(folder, "add", "--all")
    assert project_files(folder) == EXPECTED


@pytest.mark.parametrize("in_repository", [True, False])
def test_strange_names_are_kept(tmp_path: Path, in_repository: bool) -> None:
    names = ["-n.py", "a b.py", "a\nb.py", "a.b.c.py", "x" * 250 + ".py", "é.py", "\udcff.py", ":(top)*.py", '"q".py']
    for name in names:
        (tmp_path / name).write_text("")
    if in_repository:
        run(tmp_path, "init", "--quiet")
        run(tmp_path, "add", "--all")
    assert project_files(tmp_path) == sorted(names)


def test_a_broken_repository_is_a_plain_folder(folder: Path) -> None:
    (folder / ".git").write_text("gitdir: nowhere\n")
    assert project_files(folder) == EXPECTED


def test_pipes_stop_nothing_and_a_folder_that_is_not_there_is_said_so(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py")
    assert project_files(folder) == EXPECTED
    with pytest.raises(BadInput, match="no such folder"):
        project_files(folder / "nowhere")
