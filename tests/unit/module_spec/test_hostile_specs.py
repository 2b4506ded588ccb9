"""Spec files that a person, git, an editor or an attacker has had in hand: nothing is lost, and nothing crashes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from spec_projects import write

from nightwork.errors import BadInput
from nightwork.files import remove_tree
from nightwork.module_spec.batch import run_batch
from nightwork.module_spec.current import modules_when_current
from nightwork.module_spec.document.header import digest, text_hash
from nightwork.module_spec.drift import Kind, as_json, find, terminal, write_log
from nightwork.spec_settings import SpecsSettings

NOW = datetime(2026, 1, 31, tzinfo=UTC)
Change = Callable[[str], str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = write(tmp_path / "project", {"a.py": "import os\n\n\ndef f():\n    pass\n"})
    run_batch(project)
    return project


def spec(root: Path) -> Path:
    return root / "specs/a.py.spec.md"


def kinds(root: Path) -> list[Kind]:
    """Return what drift finds, told in each form that it has."""
    drift = find(root, SpecsSettings())
    write_log(drift, root, NOW)
    as_json(drift)
    Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8")).print(terminal.render(drift))
    return [finding.kind for finding in drift.findings()]


def reseal(root: Path, front: Change = str, baseline: Change = str) -> None:
    """Change a spec as somebody does who knows its checksums."""
    head, _, rest = spec(root).read_text().partition("\n---\n")
    body, _, lines = rest.rpartition("\n<!-- nightwork:baseline ")
    lines = baseline(lines.partition("\n")[2].removesuffix("\n-->\n"))
    rest = f"{body}\n<!-- nightwork:baseline {digest(lines)}\n{lines}\n-->\n"
    lines_of_head = [f"text_hash: {text_hash(rest)}" if "text_hash" in line else line for line in head.split("\n")]
    spec(root).write_text(front("\n".join(lines_of_head)) + "\n---\n" + rest)


@pytest.mark.parametrize(("old", "new"), [(b"\n", b"\r\n"), (b"---\ntype", b"\xef\xbb\xbf---\ntype")])
def test_what_git_and_editors_do_to_a_whole_file_is_no_edit_and_no_drift(root: Path, old: bytes, new: bytes) -> None:
    spec(root).write_bytes(spec(root).read_bytes().replace(old, new))
    assert kinds(root) == []
    assert run_batch(root).told() == "1 modules: 1 unchanged"
    assert modules_when_current(root, SpecsSettings()) == ["a.py"]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"\n", b"\r\n"), (b"confidence:", b"<<<<<<< HEAD\nconfidence:"), (b"---\n", b""), (b"v1", b"v\xff")],
)
def test_a_spec_with_words_of_a_person_is_kept_even_when_its_front_matter_is_broken(
    root: Path, old: bytes, new: bytes
) -> None:
    words = spec(root).read_bytes().replace(b"## 1. Intent\n", b"## 1. Intent\n\nMine.\n").replace(old, new)
    spec(root).write_bytes(words)
    for _ in range(2):
        assert run_batch(root).edited == ("a.py",)
        assert spec(root).read_bytes() == words
    assert run_batch(root, force=True).successful == ("a.py",)


def test_a_file_that_was_there_before_any_spec_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "A = 1\n", "specs/a.py.spec.md": "# What I think of it\n"})
    assert run_batch(tmp_path).edited == ("a.py",)
    assert spec(tmp_path).read_text() == "# What I think of it\n"


@pytest.mark.parametrize("left", [b"", b"\0" * 4096])
def test_what_a_power_cut_has_left_of_a_spec_is_written_anew(root: Path, left: bytes) -> None:
    spec(root).write_bytes(left)
    assert run_batch(root).successful == ("a.py",)


def test_a_spec_of_another_version_that_nobody_has_edited_is_written_anew(root: Path) -> None:
    reseal(root, lambda front: front.replace("version: v1", "version: v0"))
    assert run_batch(root).successful == ("a.py",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("confidence: medium", 'confidence: ["high"]'),
        ("source_target: a.py", "source_target: [1]"),
        ('related_files: ["a.py"]', 'related_files: [["a.py"], {}]'),
        ('related_files: ["a.py"]', "related_files: " + "[" * 100_000),
        ('related_files: ["a.py"]', "related_files: a.py"),
        ("model: none", "model: none\ndegraded: [1]"),
        ("model: none", "model: none\nself: me"),
    ],
)
def test_front_matter_of_another_shape_is_told_and_ends_no_run(root: Path, old: str, new: str) -> None:
    reseal(root, lambda front: front.replace(old, new))
    assert Kind.NO_BASELINE in kinds(root)
    assert not run_batch(root).failed


def test_front_matter_of_the_index_of_another_shape_is_none(root: Path) -> None:
    index = root / "specs/_index.spec.md"
    index.write_text(index.read_text().replace("is_complete: true", "is_complete: [true]"))
    assert modules_when_current(root, SpecsSettings()) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('[0,"os"', '[Infinity,"os"'),
        ('[0,"os"', '[NaN,"os"'),
        ('[0,"os"', f'[{10**15},"os"'),
        ('["f","function"', '["' + "a." * 200_000 + '","function"'),
        ('["f","function"', '["f",["function"]'),
        ('"path":"a.py"', r'"path":"\ud800.py"'),
        ('"path":"a.py"', '"path":"../../etc/passwd"'),
        ('"error":""', r'"error":"\u001b]0;\ud800"'),
    ],
)
def test_a_baseline_that_lies_is_told_and_ends_nothing(root: Path, old: str, new: str) -> None:
    def lie(lines: str) -> str:
        assert old in lines
        return lines.replace(old, new)

    reseal(root, baseline=lie)
    write(root, {"a.py": "import sys\n\n\nclass A:\n    pass\n"})
    assert kinds(root)


def test_drift_of_files_whose_names_are_no_text_is_told(tmp_path: Path) -> None:
    write(tmp_path, {os.fsdecode(b"caf\xe9.py"): "def f():\n    pass\n"})
    run_batch(tmp_path)
    write(tmp_path, {os.fsdecode(b"caf\xe9.py"): "def g():\n    return 1\n"})
    assert kinds(tmp_path) == [Kind.REMOVED, Kind.ADDED]


def test_a_log_is_written_through_no_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "drift-logs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="drift-logs"):
        write_log(find(root, SpecsSettings()), root, NOW)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_specs_below_folders_too_deep_for_a_path_end_no_run(root: Path) -> None:
    here = os.open(root / "specs", os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert run_batch(root).told() == "1 modules: 1 unchanged"
    assert kinds(root) == []
    remove_tree(root / "specs")  # pytest itself would fail to


def test_a_spec_larger_than_any_memory_is_nobodys_end(root: Path) -> None:
    with spec(root).open("r+b") as file:
        file.truncate(1 << 40)
    assert run_batch(root).edited == ("a.py",)
    assert kinds(root)[0] is Kind.NO_BASELINE
