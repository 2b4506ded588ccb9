from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from spec_projects import MODULES, SHOP, commit, git, snapshot, spec_bytes, write

from nightwork.checkpoint import BatchState, save_checkpoint
from nightwork.errors import BadInput, StateError
from nightwork.module_spec.batch import CHECKPOINT, run_batch
from nightwork.module_spec.current import modules_when_current
from nightwork.outcome import Status
from nightwork.settings import load
from nightwork.spec_settings import SpecsOptions

UPDATE = SpecsOptions(update=True)


@pytest.fixture(scope="module")
def written_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = commit(write(tmp_path_factory.mktemp("written") / "shop", SHOP))
    run_batch(root)
    return root


@pytest.fixture
def shop(written_shop: Path, tmp_path: Path) -> Path:
    """Return a repository whose specs are written."""
    return Path(shutil.copytree(written_shop, tmp_path / "shop"))


def change(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))


def index_of(root: Path) -> str:
    return (root / "specs/_index.spec.md").read_text()


def specs_that_changed(root: Path, before: dict[str, tuple[int, str]]) -> list[str]:
    after = snapshot(root / "specs")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return sorted(name for name in changed if not name.startswith("batch-summary-"))


def test_a_first_run_writes_every_spec_the_index_and_a_summary_and_leaves_no_checkpoint(tmp_path):
    root = commit(write(tmp_path / "shop", SHOP))
    result = run_batch(root)
    assert (result.total_modules, result.successful, result.failed) == (5, MODULES, ())
    assert result.index_generated
    assert result.summary_log_path is not None
    assert (root / result.summary_log_path).is_file()
    assert sorted(spec_bytes(root)) == sorted(["_index.spec.md", *(f"{name}.spec.md" for name in MODULES)])
    for name in MODULES:
        assert f"({name}.spec.md)" in index_of(root)


def test_a_second_run_changes_no_file_and_is_answered_from_bytes_alone(shop):
    before = snapshot(shop)
    result = run_batch(shop)
    assert (result.skipped, result.summary_log_path) == (MODULES, None)
    assert snapshot(shop) == before
    assert modules_when_current(shop, load(shop, {}).specs) == list(MODULES)


def test_nothing_outside_of_specs_is_changed_the_repository_included(tmp_path):
    root = commit(write(tmp_path / "shop", SHOP))
    before = snapshot(root)
    run_batch(root)
    after = {path: stamp for path, stamp in snapshot(root).items() if not path.startswith("specs/")}
    assert after == before


def test_a_run_keeps_its_own_state_from_git(shop):
    told = git(shop, "status", "--porcelain", "--untracked-files=all")
    assert "specs/_index.spec.md" in told
    assert ".state" not in told


@pytest.mark.parametrize(
    ("old", "new"), [("return len(name)", "return len(name) + 1"), ("(name: str)", "(name: str, tax: int = 0)")]
)
def test_a_changed_module_alone_is_stale_and_an_update_rewrites_it_alone(shop, old, new):
    change(shop, "shop/prices.py", old, new)
    assert modules_when_current(shop, load(shop, {}).specs) is None
    before = snapshot(shop / "specs")
    assert run_batch(shop).stale == ("shop/prices.py",)
    assert specs_that_changed(shop, before) == ["_index.spec.md"]
    assert "| stale |" in index_of(shop)
    result = run_batch(shop, options=UPDATE)
    assert (result.successful, result.stale) == (("shop/prices.py",), ())
    assert specs_that_changed(shop, before) == ["_index.spec.md", "shop/prices.py.spec.md"]
    assert modules_when_current(shop, load(shop, {}).specs) == list(MODULES)


def test_comments_and_white_space_make_nothing_stale(shop):
    change(shop, "shop/prices.py", "    return len(name)", "\n    # by its length\n    return len( name )")
    before = snapshot(shop / "specs")
    assert run_batch(shop).skipped == MODULES
    assert modules_when_current(shop, load(shop, {}).specs) == list(MODULES)
    assert run_batch(shop, options=UPDATE).successful == ()
    assert specs_that_changed(shop, before) == ["_index.spec.md"]


def test_a_spec_that_is_gone_is_written_again_with_the_same_bytes(shop):
    before = spec_bytes(shop)
    (shop / "specs/shop/cart.py.spec.md").unlink()
    assert modules_when_current(shop, load(shop, {}).specs) is None
    assert run_batch(shop).successful == ("shop/cart.py",)
    assert spec_bytes(shop) == before


def test_a_spec_that_a_person_edited_is_left_alone_until_it_is_forced(shop):
    before = spec_bytes(shop)
    change(shop, "specs/shop/cart.py.spec.md", "## 1. Intent", "## 1. Intent\n\nMine.")
    change(shop, "shop/cart.py", "Holds what", "Holds all that")
    for options in (SpecsOptions(), UPDATE):
        assert run_batch(shop, options=options).edited == ("shop/cart.py",)
    assert "Mine." in (shop / "specs/shop/cart.py.spec.md").read_text()
    assert "| edited |" in index_of(shop)
    change(shop, "shop/cart.py", "Holds all that", "Holds what")
    assert run_batch(shop, force=True).edited == ()
    assert spec_bytes(shop) == before


def test_the_spec_of_a_module_that_is_gone_is_told_and_removed_by_an_update(shop):
    (shop / "shop/notes.py").unlink()
    (shop / "specs/plan.spec.md").write_text("# Mine\n")
    assert run_batch(shop).orphaned == ("specs/shop/notes.py.spec.md",)
    assert "notes" not in index_of(shop)
    result = run_batch(shop, options=UPDATE)
    assert (result.removed, result.orphaned) == (("specs/shop/notes.py.spec.md",), ())
    assert not (shop / "specs/shop/notes.py.spec.md").exists()
    assert (shop / "specs/plan.spec.md").read_text() == "# Mine\n"


def test_an_edited_spec_of_a_module_that_is_gone_goes_only_by_force(shop):
    (shop / "shop/notes.py").unlink()
    change(shop, "specs/shop/notes.py.spec.md", "## 1. Intent", "## 1. Intent\n\nMine.")
    assert run_batch(shop, options=UPDATE).orphaned == ("specs/shop/notes.py.spec.md",)
    assert run_batch(shop, force=True).removed == ("specs/shop/notes.py.spec.md",)


def test_a_file_that_cannot_be_parsed_has_a_spec_and_a_row(tmp_path):
    root = write(tmp_path, {"broken.py": "def f(:\n", "whole.py": "import broken\n"})
    assert run_batch(root).successful == ("broken.py", "whole.py")
    assert "confidence: low" in (root / "specs/broken.py.spec.md").read_text()
    assert "(broken.py.spec.md)" in index_of(root)


def test_ignored_files_have_no_spec_in_a_repository_and_in_a_plain_folder(tmp_path):
    files = {".gitignore": "build/\n", "a.py": "A = 1\n", "build/b.py": "B = 1\n", "sub/.gitignore": "c.py\n"}
    plain = write(tmp_path / "plain", files | {"sub/c.py": "C = 1\n", "sub/d.py": "D = 1\n"})
    repository = Path(shutil.copytree(plain, tmp_path / "repository"))
    for root in (plain, commit(repository)):
        assert run_batch(root).successful == ("a.py", "sub/d.py")


@pytest.mark.parametrize("place", ["checkpoint.json", "../c.json", "/tmp/c.json", "specs", "specs/../c.json", "docs/c"])
def test_a_checkpoint_anywhere_else_is_refused_and_nothing_is_written(tmp_path, place):
    root = write(tmp_path / "shop", SHOP)
    with pytest.raises(BadInput, match="is outside of specs/ and drift-logs/"):
        run_batch(root, checkpoint_path=place)
    assert not (root / "specs").exists()


def test_a_checkpoint_may_stand_in_drift_logs(tmp_path):
    root = write(tmp_path, SHOP)
    assert run_batch(root, checkpoint_path="drift-logs/run.json").successful == MODULES
    assert list((root / "drift-logs").iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "specs"}', '{"schema_version": 2}', "\udcff"])
def test_a_corrupt_checkpoint_stops_the_run_with_its_path_and_stays(shop, text):
    path = shop / CHECKPOINT
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = snapshot(shop)
    with pytest.raises(StateError, match=r"reverse-spec-checkpoint\.json"):
        run_batch(shop, force=True)
    assert snapshot(shop) == before


def test_the_checkpoint_of_another_kind_of_batch_stops_the_run(shop):
    save_checkpoint(BatchState.new("track", "course", ["1"]), shop / CHECKPOINT)
    with pytest.raises(StateError, match="another kind of batch, 'track'"):
        run_batch(shop)
    assert (shop / CHECKPOINT).is_file()


def test_progress_is_told_in_the_contracts_lines_and_as_events(tmp_path, caplog):
    root, events = write(tmp_path, SHOP), []
    with caplog.at_level(logging.INFO, "nightwork.progress"):
        run_batch(root, on_progress=events.append)
    lines = [record.getMessage() for record in caplog.records if record.name == "nightwork.progress"]
    assert "[1/5] Processing shop/__init__.py..." in lines
    assert lines.index("[5/5] Processing shop/app.py...") > lines.index("[4/5] shop/cart.py: completed(ast_only)")
    assert {(event.number, event.total) for event in events} == {(n, 5) for n in range(1, 6)}
    assert [event.outcome.status for event in events if event.number == 1] == [Status.RUNNING, Status.COMPLETED]
    events.clear()
    run_batch(root, on_progress=events.append)
    assert events == []


def test_the_same_project_has_the_same_bytes_wherever_it_stands(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    files = SHOP | {"pyproject.toml": '[project]\nname = "shop"\n'}
    one, two = write(tmp_path / "one", files), commit(write(tmp_path / "deep/er/two", files))
    run_batch(one)
    run_batch(two)
    assert spec_bytes(one) == spec_bytes(two)
    assert b"2001-09-09" in spec_bytes(one)["_index.spec.md"]
    for path in (one / "specs").rglob("*.md"):
        assert str(tmp_path) not in path.read_text()


def test_nothing_is_written_after_the_deadline_without_a_model_either(tmp_path):
    root = write(tmp_path, SHOP)
    result = run_batch(root, options=SpecsOptions(deadline=datetime.now(UTC) - timedelta(minutes=1)))
    assert len(result.aborted) == 5
    assert set(spec_bytes(root)) == {"_index.spec.md", Path(CHECKPOINT).name}
    assert run_batch(root).successful == MODULES
