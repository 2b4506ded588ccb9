from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.batch import Batch
from nightwork.checkpoint import BatchState, clear_checkpoint, load_checkpoint, save_checkpoint
from nightwork.errors import StateError
from nightwork.outcome import Outcome, Reason, Status

plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
outcomes = st.builds(
    Outcome,
    status=st.sampled_from(Status),
    reason=st.none() | st.sampled_from(Reason),
    message=plain,
    attempt=st.integers(1, 99),
    cost_usd=st.floats(0, 1000),
)


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,8}", fullmatch=True), outcomes, max_size=5))
def test_a_checkpoint_survives_writing_and_reading(tmp_path_factory, items):
    path = tmp_path_factory.mktemp("batch") / "checkpoint.json"
    state = BatchState(kind="overnight", batch_id="b", items=items)
    save_checkpoint(state, path)
    assert load_checkpoint(path) == state


def test_a_new_batch_has_nothing_done_and_a_run_id_of_its_own():
    first, second = (BatchState.new("overnight", "b", ["A", "B"]) for _ in range(2))
    assert {name: outcome.status for name, outcome in first.items.items()} == dict.fromkeys("AB", Status.PENDING)
    assert first.run_id != second.run_id


def test_no_checkpoint_is_none_and_removing_none_is_fine(tmp_path):
    path = tmp_path / "checkpoint.json"
    assert load_checkpoint(path) is None
    clear_checkpoint(path)
    save_checkpoint(BatchState.new("specs", "b", []), path)
    clear_checkpoint(path)
    assert load_checkpoint(path) is None


def good():
    return json.loads(BatchState.new("overnight", "b", ["A"]).model_dump_json())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"\x00" * 100,
        json.dumps(good())[:-10].encode(),
        json.dumps({**good(), "schema_version": 2}).encode(),
        json.dumps({**good(), "extra": 1}).encode(),
        json.dumps({**good(), "kind": "daily"}).encode(),
        json.dumps({**good(), "saved_at": "2026-01-01T00:00:00"}).encode(),
        json.dumps({**good(), "items": {"A": {"status": "maybe"}}}).encode(),
        json.dumps({**good(), "items": {"A": {"status": "failed", "attempt": 0}}}).encode(),
        b"[" * 100_000,
    ],
    ids=range(14),
)
def test_a_checkpoint_that_cannot_be_trusted_stops_with_its_path_and_stays(tmp_path, content):
    path = tmp_path / "checkpoint.json"
    path.write_bytes(content)
    with pytest.raises(StateError) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert path.read_bytes() == content


def test_a_folder_in_its_place_stops_with_its_path(tmp_path):
    with pytest.raises(StateError, match="cannot be read"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("kind_and_id", [("overnight", "other"), ("specs", "b")])
def test_a_checkpoint_of_another_batch_is_refused(tmp_path, kind_and_id):
    batch = Batch(tmp_path, "b")
    batch.save(BatchState.new(*kind_and_id, ["A"]))
    with pytest.raises(StateError, match="belongs to"):
        batch.state()


def test_a_batch_without_checkpoint_is_refused(tmp_path):
    with pytest.raises(StateError, match="is missing"):
        Batch(tmp_path, "b").state()


def test_names_of_files_that_are_no_utf_8_are_kept(tmp_path):
    names = ["a.py", "b\udcff.py", "c\n\x1b.py"]
    save_checkpoint(BatchState.new("specs", "shop", names), tmp_path / "c.json")
    loaded = load_checkpoint(tmp_path / "c.json")
    assert loaded is not None
    assert list(loaded.items) == names
