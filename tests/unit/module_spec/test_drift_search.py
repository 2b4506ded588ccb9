"""Drift of a project: from its spec files and its source, whatever either of them holds."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from specs_by_hand import write_spec

from nightwork.errors import BadInput
from nightwork.module_spec import drift
from nightwork.module_spec.document.baseline import write_baseline
from nightwork.module_spec.drift import Kind, Severity
from nightwork.module_spec.drift.terminal import render
from nightwork.module_spec.source.reading import read_all
from nightwork.spec_settings import SpecsSettings

NOW = datetime(2026, 1, 31, 6, 0, 5, tzinfo=UTC)
A = '"""A."""\nimport os\n\n\ndef f(a):\n    return os.sep\n\n\nLIMIT = 3\n'
B = "class B:\n    def m(self):\n        return 1\n"

Document = Callable[..., Path]


@pytest.fixture
def document(tmp_path: Path) -> Document:
    """Return what writes files and the specs of units."""

    def write(files: dict[str, str], **units: list[str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for unit in units.values() or [[name] for name in files]:
            write_spec(tmp_path, unit)
        return tmp_path

    return write


def look(root: Path) -> list[tuple[Kind, str, str]]:
    return [(each.kind, each.path, each.name) for each in drift.find(root, SpecsSettings()).findings()]


def test_specs_that_are_true_have_no_drift(document: Document):
    root = document({"a.py": A, "pkg/b.py": B})
    found = drift.find(root, SpecsSettings())
    assert (found.units, found.specs, found.noise) == ((), 2, 0)
    assert drift.summary(found) == "2 specs read: no drift"


def test_changes_are_found_in_the_files_that_specs_name(document: Document):
    root = document({"a.py": A, "pkg/b.py": B})
    (root / "a.py").write_text(A.replace("f(a)", "f(a, b)").replace("import os", "import os  # why"))
    (root / "pkg/b.py").write_text("# only a comment\n" + B)
    found = drift.find(root, SpecsSettings())
    assert [(each.kind, each.name, each.line) for each in found.findings()] == [(Kind.SIGNATURE, "f", 5)]
    assert (found.units[0].unit, found.units[0].spec, found.noise) == ("a.py", "specs/a.py.spec.md", 1)
    assert drift.summary(found) == "2 specs read: 1 medium in 1 module; 1 file changed in form only"
    assert (found.reaches(Severity.HIGH), found.reaches(Severity.MEDIUM), found.reaches(Severity.LOW)) == (0, 1, 1)


def test_a_deleted_file_and_one_that_moved(document: Document):
    root = document({"a.py": A, "b.py": B})
    (root / "a.py").unlink()
    (root / "b.py").rename(root / "c.py")
    assert look(root) == [(Kind.DELETED, "a.py", ""), (Kind.RENAMED, "b.py", "")]


def test_modules_without_a_spec_are_told_and_tests_are_not(document: Document):
    root = document({"a.py": A})
    for name in ("new.py", "test_a.py", "notes.txt", "ignored.py"):
        (root / name).write_text("x = 1\n")
    (root / ".gitignore").write_text("ignored.py\n")
    assert look(root) == [(Kind.UNDOCUMENTED, "new.py", "")]


def test_a_package_is_compared_file_by_file(document: Document):
    root = document({"pkg/__init__.py": "", "pkg/b.py": B}, pkg=["pkg/__init__.py", "pkg/b.py"])
    (root / "pkg/b.py").write_text(B.replace("def m", "def n"))
    (root / "pkg/c.py").write_text("y = 1\n")
    assert look(root) == [(Kind.RENAMED, "pkg/b.py", "B.m"), (Kind.UNDOCUMENTED, "pkg/c.py", "")]


BROKEN = {
    "no front matter": lambda text: text[4:],
    "another version": lambda text: text.replace("version: v1", "version: v9"),
    "no baseline": lambda text: text.partition("<!--")[0],
    "a changed baseline": lambda text: text.replace("os.sep", "x").replace('"f"', '"g"'),
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("breaks", BROKEN.values(), ids=BROKEN)
def test_a_broken_spec_is_a_finding(document: Document, breaks: Callable[[str], str]):
    root = document({"a.py": A})
    spec = root / "specs/a.py.spec.md"
    spec.write_text(breaks(spec.read_text()))
    found = next(drift.find(root, SpecsSettings()).findings())
    assert (found.kind, found.severity, found.path) == (Kind.NO_BASELINE, Severity.HIGH, "specs/a.py.spec.md")


def test_a_module_whose_spec_has_no_baseline_is_told_once(document: Document):
    root = document({"a.py": A})
    spec = root / "specs/a.py.spec.md"
    spec.write_text(spec.read_text().partition("<!--")[0])
    assert look(root) == [(Kind.NO_BASELINE, "specs/a.py.spec.md", "")]


def test_specs_of_other_kinds_are_passed_over(document: Document):
    root = document({"a.py": A})
    (root / "specs/_index.spec.md").write_text("---\ntype: module-index\n---\n# Index\n")
    assert look(root) == []


def test_bytes_that_are_no_text_and_links_are_read_by_nobody(document: Document):
    root = document({"a.py": A})
    (root / "specs/x.spec.md").write_bytes(b"\xff\xfe")
    (root / "specs/y.spec.md").symlink_to("/etc/hostname")
    (root / "specs/loop").symlink_to(root / "specs")
    assert [each[:2] for each in look(root)] == [
        (Kind.NO_BASELINE, "specs/x.spec.md"), (Kind.NO_BASELINE, "specs/y.spec.md"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["../out.py", "/etc/passwd", "a\0b.py"])
def test_a_spec_cannot_lead_out_of_the_project(document: Document, path: str):
    root = document({"in/a.py": A, "out.py": A}, a=["in/a.py"])
    (skeleton,) = read_all(root, ["in/a.py"]).values()
    spec = root / "specs/in/a.py.spec.md"
    text = spec.read_text().partition("<!--")[0] + write_baseline([replace(skeleton, path=path)])
    (root / "in/specs").mkdir()
    (root / "in/specs/a.spec.md").write_text(text)
    found = next(drift.find(root / "in", SpecsSettings()).findings())
    assert (found.kind, found.severity) == (Kind.NO_BASELINE, Severity.HIGH)


def test_a_file_that_became_a_link_or_a_folder_is_gone(document: Document):
    root = document({"a.py": A, "b.py": B})
    for name in ("a.py", "b.py"):
        (root / name).unlink()
    (root / "a.py").symlink_to("/etc/hostname")
    (root / "b.py").mkdir()
    assert [each[0] for each in look(root)] == [Kind.DELETED, Kind.DELETED]


def test_a_file_that_no_longer_parses_is_one_finding(document: Document):
    root = document({"a.py": A})
    (root / "a.py").write_text("def f(:\n")
    assert look(root) == [(Kind.UNPARSABLE, "a.py", "")]


def test_without_specs_there_is_nothing_to_compare(tmp_path: Path):
    with pytest.raises(BadInput, match="nightwork specs"):
        drift.find(tmp_path, SpecsSettings())


def test_what_the_settings_leave_out_needs_no_spec(document: Document):
    root = document({"a.py": A, "test_a.py": B}, a=["a.py"])
    assert look(root) == []
    found = drift.find(root, SpecsSettings(tests=True)).findings()
    assert [(each.kind, each.path) for each in found] == [(Kind.UNDOCUMENTED, "test_a.py")]


HOSTILE = "def f(a='|x|<b>`[l](http://x.org)`', b='\\x1b[31m'):\n    return 1\n\n\nKEY = 'AKIA" + "ABCDEFGHIJKLMNOP'\n"


def test_hostile_text_stays_text_in_every_form(document: Document):
    name = "# x\n|<script>`a`\x1b[2J.py"
    root = document({name: "def f(a):\n    return 1\n\n\nKEY = 1\n"}, a=[name])
    (root / name).write_text(HOSTILE.replace("\\x1b", "\x1b"))
    found = drift.find(root, SpecsSettings())
    markdown = drift.write_log(found, root, NOW).read_text()
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    kinds = {child.type for token in tokens for child in token.children or []} | {token.type for token in tokens}
    assert len(headings) == 2
    assert not kinds & {"link_open", "html_inline", "html_block", "code_inline", "fence"}
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(found))
    shown = [markdown, console.export_text(), drift.as_json(found)]
    assert not any("AKIA" in text or "\x1b" in text for text in shown)


def test_the_log_is_named_after_the_time_in_utc_and_the_latest_wins(document: Document):
    root = document({"a.py": A})
    (root / "a.py").unlink()
    found = drift.find(root, SpecsSettings())
    path = drift.write_log(found, root, NOW)
    assert drift.write_log(found, root, NOW) == path == root / "drift-logs/drift-20260131T060005Z.md"
    assert "| high | deleted | a.py |  | the file is no longer there |" in path.read_text()


def test_the_document_tells_everything(document: Document):
    root = document({"a.py": A})
    (root / "a.py").write_text(A.replace("LIMIT = 3", "LIMIT = 4"))
    told = json.loads(drift.as_json(drift.find(root, SpecsSettings())))
    assert told == {
        "schema_version": 1, "specs": 1, "noise": 0, "counts": {"high": 0, "medium": 0, "low": 1},
        "units": [{
            "unit": "a.py", "spec": "specs/a.py.spec.md", "noise": 0,
            "findings": [{
                "kind": "body", "severity": "low", "path": "a.py", "name": "LIMIT", "line": 9,
                "text": "has another value", "before": "LIMIT = 3", "after": "LIMIT = 4",
            }],
        }],
    }  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_could_not_be_read_and_still_cannot_has_no_drift(document: Document):
    root = document({"b.py": B})
    (root / "a.py").write_text(A)
    (root / "a.py").chmod(0)
    write_spec(root, ["a.py"])
    assert look(root) == []
