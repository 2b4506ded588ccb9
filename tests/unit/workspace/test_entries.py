"""What differs between two trees, with modes and contents, on real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nightwork.errors import Tampered
from nightwork.workspace import Repository


def run(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "old.txt").write_text("old\n")
    (folder / "run.txt").write_text("x\n")
    commit(folder)
    return Repository(folder)


def commit(folder: Path) -> str:
    run(folder, "add", "--all")
    run(folder, "commit", "--quiet", "--message", "x")
    return run(folder, "rev-parse", "HEAD^{tree}")


def test_every_kind_of_difference_is_told_and_a_rename_is_two(repository: Repository) -> None:
    root, before = repository.root, repository.tree("HEAD")
    (root / "old.txt").rename(root / "new.txt")
    (root / "run.txt").chmod(0o755)
    (root / "link").symlink_to("new.txt")
    (root / "line\nbreak").write_text("x")
    found = {entry.path: (entry.old_mode, entry.new_mode) for entry in repository.entries(before, commit(root))}
    assert found == {
        "old.txt": ("100644", None),
        "new.txt": (None, "100644"),
        "run.txt": ("100644", "100755"),
        "link": (None, "120000"),
        "line\nbreak": (None, "100644"),
    }


def test_contents_are_read_whole_whatever_is_in_them(repository: Repository) -> None:
    root, before = repository.root, repository.tree("HEAD")
    texts = [b"", b"\n\n", b"\0\xff\xfe\n", b"x" * 100_000, "ü\u2028".encode()]
    for number, text in enumerate(texts):
        (root / f"{number}").write_bytes(text)
    entries = repository.entries(before, commit(root))
    sizes = repository.blob_sizes([entry.new_blob for entry in entries if entry.new_blob])
    contents = repository.read_blobs(sizes)
    assert [contents[entry.new_blob] for entry in entries if entry.new_blob] == texts
    assert contents == {blob: repository.blob(blob) for blob in sizes}


def test_a_name_that_is_no_text_can_be_given_back_to_git(repository: Repository) -> None:
    root, before = repository.root, repository.tree("HEAD")
    (root / os.fsdecode(b"odd\xff.txt")).write_text("x")
    (entry,) = repository.entries(before, commit(root))
    assert entry.path.encode("utf-8", "surrogateescape") == b"odd\xff.txt"
    assert entry.name == "odd\ufffd.txt"


@pytest.mark.parametrize("swap", ["elsewhere", "folder", "link", "gone", "other worktree"])
def test_a_worktree_whose_link_to_git_was_swapped_is_not_looked_at(repository: Repository, swap: str) -> None:
    worktree, other = repository.root / ".nightwork/a", repository.root / ".nightwork/b"
    for path in (worktree, other):
        repository.add_worktree(path, "HEAD")
    assert repository.snapshot(worktree) == repository.tree("HEAD")
    own, before = worktree / ".git", (worktree / ".git").read_text()
    own.unlink()
    if swap == "elsewhere":
        own.write_text(f"gitdir: {repository.root / '.git'}\n")
    elif swap == "folder":
        run(worktree, "init", "--quiet")
    elif swap == "link":
        (repository.root / "kept").write_text(before)
        own.symlink_to(repository.root / "kept")
    elif swap == "other worktree":
        own.write_text((other / ".git").read_text())
    with pytest.raises(Tampered):
        repository.snapshot(worktree)
