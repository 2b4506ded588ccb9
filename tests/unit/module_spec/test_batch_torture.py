"""A project in which everything is wrong that can be wrong with files: each of them has its spec and its row."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from spec_projects import snapshot
from torture import DEEP, FIFO, NOT_UTF8, make_torture

from nightwork.module_spec.batch import run_batch
from nightwork.module_spec.current import modules_when_current
from nightwork.module_spec.document.header import Header, read_header
from nightwork.module_spec.document.paths import link, spec_path
from nightwork.module_spec.plan import plan
from nightwork.module_spec.result import BatchResult
from nightwork.module_spec.terminal import render
from nightwork.settings import load
from nightwork.spec_settings import SpecsOptions

Written = tuple[Path, list[str], BatchResult]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return the project, the paths of its files, and what a first run came to."""
    root = tmp_path_factory.mktemp("torture") / "project"
    names = make_torture(root)
    return root, names, run_batch(root)


def header_of(root: Path, name: str) -> tuple[Header, str]:
    found = read_header((root / "specs" / spec_path(name)).read_bytes().decode())
    assert found
    return found


def test_every_file_has_its_spec_and_its_row_and_none_is_lost(written):
    root, names, result = written
    assert (result.failed, result.total_modules) == ((), len(names))
    assert result.successful == tuple(names)
    specs = {path for path in (root / "specs").rglob("*.spec.md") if path.is_file() and path.name != "_index.spec.md"}
    assert len(specs) == len(names)
    index = (root / "specs/_index.spec.md").read_bytes().decode()
    rows = index.partition("## Modules")[2]
    assert rows.count("| current |") == len(names)
    linked = re.findall(r"^\| \[`.*`\]\((\S+)\) \|", rows, re.MULTILINE)
    assert sorted(linked) == sorted(link(name, "_index.spec.md") for name in names if "`" not in name)
    assert FIFO not in index
    for name in names:
        assert header_of(root, name)[0].source_target == name


@pytest.mark.parametrize(
    "name", ["bad/syntax.py", "bad/python2.py", "bad/undecodable.py", "bad/unknown_coding.py", "bad/nul.py"]
)
def test_what_cannot_be_parsed_says_so_and_is_relied_on_little(written, name):
    header, text = header_of(written[0], name)
    assert header.confidence == "low"
    assert re.search(r"parse|syntax|decode|encod|null", text, re.IGNORECASE)


@pytest.mark.parametrize("name", ["bad/latin1.py", "bad/bom.py", "bad/surrogate.py", "bad/breakout.py", "bad/empty.py"])
def test_what_is_only_odd_is_read_as_python_reads_it(written, name):
    header, text = header_of(written[0], name)
    assert header.confidence == "medium"
    assert "<script>" not in text
    assert not re.search(r"^# no head", text, re.MULTILINE)


def test_imports_lead_to_the_module_that_python_would_take(written):
    root, _, _ = written
    assert "](../utils.py.spec.md)" not in header_of(root, "other/utils.py")[1]
    assert "(two.py.spec.md)" in header_of(root, "src/pkg/one.py")[1]
    assert "cycle" in header_of(root, "src/pkg/two.py")[1]
    assert "(b.py.spec.md)" in header_of(root, "space/part/a.py")[1]
    assert "(link0001.py.spec.md)" in header_of(root, "chain/link0000.py")[1]


def test_specs_are_short_whatever_their_module_is(written):
    root, _, _ = written
    for path in (root / "specs").rglob("*.spec.md"):
        if path.name != "_index.spec.md":
            assert path.read_bytes().count(b"\n") <= 700
    assert (root / "specs" / DEEP / "end.py.spec.md").is_file()


def test_nothing_is_said_that_moves_a_terminal_or_breaks_a_line(written, caplog):
    root, _, result = written
    told = render(result.model_copy(update={"stale": tuple(reversed(result.successful))})).plain
    assert "\x1b" not in told
    told.encode()
    assert json.loads(result.model_dump_json())["total_modules"] == result.total_modules
    caplog.set_level("INFO", "nightwork.progress")
    for name in ("names/\x1b[2Jescape.py", "names/with\nnewline.py", os.fsdecode(NOT_UTF8)):
        (root / "specs" / spec_path(name)).unlink()
    assert len(run_batch(root).successful) == 3
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if not line.isprintable()] == []
    assert r"[3/3] Processing names/\udcff\udcfe.py..." in lines


def test_a_further_run_finds_nothing_to_do(written):
    root, names, _ = written
    before = snapshot(root / "specs")
    assert run_batch(root).skipped == tuple(names)
    assert snapshot(root / "specs") == before
    assert modules_when_current(root, load(root, {}).specs) == names


def test_a_plan_with_a_model_bounds_what_each_of_them_costs(written):
    planned = plan(written[0], SpecsOptions(model="claude-opus-5-5", force=True))
    assert len(planned.write) == planned.total_modules
    assert max(each.input_tokens for each in planned.write) < 45_000
    json.loads(planned.model_dump_json())
