"""Projects that try to lead a run out of their folder, to stop it, or to have it change what is not its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from spec_projects import git, write

from nightwork.errors import BadInput
from nightwork.module_spec.batch import run_batch
from nightwork.module_spec.current import modules_when_current
from nightwork.module_spec.source.files import project_files
from nightwork.spec_settings import SpecsSettings


def repository(root: Path, files: dict[str, str]) -> Path:
    write(root, files)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    return root


@pytest.mark.parametrize("name", [b"../outside.py", b"/" + b"x" * 9 + b".py", b"aa/../../o.py"])
def test_an_index_that_names_files_outside_of_the_project_leads_nowhere(tmp_path: Path, name: bytes) -> None:
    placeholder = "a" * (len(name) - 3) + ".py"
    root = repository(tmp_path / "project", {placeholder: "A = 1\n", "b.py": "B = 1\n"})
    write(tmp_path, {"outside.py": "C = 1\n", "o.py": "C = 1\n"})
    index = (root / ".git/index").read_bytes()[:-20].replace(placeholder.encode(), name)
    (root / ".git/index").write_bytes(index + hashlib.sha1(index).digest())
    assert os.fsdecode(name) in git(root, "ls-files")
    assert project_files(root) == [placeholder, "b.py"]


def test_a_tracked_folder_that_became_a_link_is_left_out(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", {"aa/bb/x.py": "A = 1\n", "b.py": "B = 1\n"})
    write(tmp_path, {"home/bb/x.py": "def private():\n    pass\n"})
    git(root, "config", "core.ignoreStat", "true")
    (root / "aa").rename(tmp_path / "old")
    (root / "aa").symlink_to(tmp_path / "home")
    assert project_files(root) == ["b.py"]


@pytest.mark.parametrize("folder", [".nightwork-1.tmp", "src/.nightwork-2.tmp"])
def test_a_folder_with_the_name_of_something_half_written_is_a_folder(tmp_path: Path, folder: str) -> None:
    write(tmp_path, {f"{folder}/a.py": "A = 1\n"})
    assert run_batch(tmp_path).told() == "1 modules: 1 written"
    assert run_batch(tmp_path).told() == "1 modules: 1 unchanged"


@pytest.mark.parametrize("folder", [os.fsdecode(b"caf\xe9"), "a\nb"])
def test_a_project_may_be_called_anything(tmp_path: Path, folder: str) -> None:
    assert run_batch(write(tmp_path / folder, {"a.py": "A = 1\n"})).told() == "1 modules: 1 written"


def test_a_project_may_call_itself_anything(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "A = 1\n", "package.json": r'{"name": "\ud800\u001b[2J", "description": "\udfff-->"}'})
    assert run_batch(tmp_path).told() == "1 modules: 1 written"
    assert "\x1b" not in (tmp_path / "specs/_index.spec.md").read_text()


def test_an_import_of_very_many_parts_is_one_import(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.py": "import a.b." + ".".join(["c"] * 20_000) + "\n", "a/c.py": "from a.b.x import y\n"})
    assert run_batch(tmp_path).told() == "2 modules: 2 written"
    assert "a/b.py" in (tmp_path / "specs/a/c.py.spec.md").read_text()


def test_a_source_larger_than_any_memory_is_told_and_read_by_nobody(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "A = 1\n", "b.py": "B = 1\n"})
    with (tmp_path / "a.py").open("r+b") as file:
        file.truncate(1 << 40)
    assert run_batch(tmp_path).told() == "2 modules: 2 written"
    assert "too large" in (tmp_path / "specs/a.py.spec.md").read_text()
    assert modules_when_current(tmp_path, SpecsSettings()) == ["a.py", "b.py"]


def test_our_own_files_are_no_second_names_of_others(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "A = 1\n", "specs/.state/.gitignore": "*\n"})
    (tmp_path / "specs/.state/run.lock").hardlink_to(tmp_path / "a.py")
    with pytest.raises(BadInput, match="no plain file of one name"):
        run_batch(tmp_path)
    assert (tmp_path / "a.py").read_text() == "A = 1\n"


@pytest.mark.parametrize("name", ["run.lock", "ledger.sqlite", "running/123", "sent/x.json"])
def test_a_pipe_among_our_own_files_is_told_and_waited_for_by_nobody(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"a.py": "A = 1\n"})
    (tmp_path / "specs/.state" / name).parent.mkdir(parents=True)
    os.mkfifo(tmp_path / "specs/.state" / name)
    with pytest.raises(BadInput, match="no plain file"):
        run_batch(tmp_path)


def test_notes_of_running_commands_that_are_none_are_harmless(tmp_path: Path) -> None:
    notes = {"specs/.state/running/1": b"\xff", "specs/.state/running/22/x": b"1"}
    write(tmp_path, {"a.py": b"A = 1\n", **notes})
    assert run_batch(tmp_path).told() == "1 modules: 1 written"
