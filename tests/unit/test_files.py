from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightwork.errors import StateError
from nightwork.files import append_record, read_records, remove_tree, write_atomically

plain = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=6,
)
records = st.dictionaries(plain, values, max_size=4)


def test_a_text_is_written_as_it_is_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    write_atomically(path, "one\r\ntwo\n\u2028ü")
    assert path.read_bytes() == "one\r\ntwo\n\u2028ü".encode()


def test_the_old_file_stays_when_the_new_one_cannot_be_written(tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new" * 10_000 + "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_over_when_the_place_is_a_folder(tmp_path):
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "file.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("mode", [0o755, 0o600, 0o444])
def test_the_mode_of_an_existing_file_stays(tmp_path, mode):
    path = tmp_path / "script.sh"
    path.write_text("old")
    path.chmod(mode)
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("name", ["a" * 255, "a" * 240])
def test_any_name_that_the_file_system_allows_can_be_written(tmp_path, name):
    write_atomically(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"


def test_no_file_means_no_records(tmp_path):
    assert list(read_records(tmp_path / "none.jsonl")) == []


@given(st.lists(records, max_size=5))
def test_records_come_back_in_order(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    for record in written:
        append_record(path, record)
    assert list(read_records(path)) == written


def test_half_a_character_pair_does_not_stop_the_log(tmp_path):
    append_record(tmp_path / "log.jsonl", {"text": "a\ud800b"})
    assert list(read_records(tmp_path / "log.jsonl")) == [{"text": "a?b"}]


@pytest.mark.parametrize(
    "record",
    [
        {"a": 1},
        {"a": {"b": [1, 2]}},
        {"text": "é€😀"},
        {"text": 'a "quoted" \\ text\n'},
        pytest.param(
            {"text": "f({x}) {y} }"},
        ),
    ],
    ids=str,
)
def test_a_log_torn_at_any_byte_keeps_what_stood_before_and_goes_on(tmp_path, record):
    path = tmp_path / "log.jsonl"
    append_record(path, {"number": 1})
    whole = path.read_bytes()
    append_record(path, record)
    torn = path.read_bytes()
    faults = []
    for cut in range(len(whole), len(torn) - 1):
        path.write_bytes(torn[:cut])
        try:
            before = list(read_records(path))
            append_record(path, {"number": 2})
            after = list(read_records(path))
        except StateError as error:
            faults.append((torn[len(whole) : cut], str(error)))
            continue
        # All but the newline is a whole record.
        extra = [record] if cut == len(torn) - 1 else []
        assert before == [{"number": 1}, *extra]
        assert after == [{"number": 1}, *extra, {"number": 2}]
    assert not faults


def test_a_record_that_lacks_only_its_newline_counts(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"a":1}')
    append_record(path, {"a": 2})
    assert list(read_records(path)) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("line", ['{"a" 1}', '{"a":1}}', "[1]", '"text"', "1", "null", "{'a': 1}", '{"a":1} {"b":2}'])
def test_a_whole_faulty_line_is_refused_with_its_line_number(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"a": 1}) + "\n" + line + "\n" + json.dumps({"b": 1}) + "\n")
    with pytest.raises(StateError) as caught:
        list(read_records(path))
    assert str(caught.value).startswith(f"{path}:2: ")


ON_A_FULL_DISK = """
import subprocess, sys
from pathlib import Path
from nightwork.errors import Infrastructure
from nightwork.sandbox import Run, Unconfined
from nightwork.workspace.git import Git
full, notes = Path(sys.argv[1]), Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(full)], check=True)
for work in (lambda: Unconfined(notes).run(Run(("false",), full)), lambda: Git(full)("rev-parse", "HEAD")):
    try:
        work()
    except Infrastructure as error:
        print(error)
assert Unconfined(notes).run(Run(("true",), full)).exit_code == 0
"""


def test_what_fails_on_a_full_disk_is_the_machines_fault_and_says_so(tmp_path):
    own_mounts = ["unshare", "--mount", *(["--user", "--map-root-user"] if os.geteuid() else [])]
    if subprocess.run([*own_mounts, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nobody here may mount a small disk: `unshare --mount` is refused")
    (tmp_path / "full").mkdir()
    command = [*own_mounts, sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path / "full"), str(tmp_path / "notes")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    command_failed, git_failed, *_ = done.stdout.splitlines()
    assert command_failed == "disk: is full at full; 'false' failed there; make room, then resume"
    assert git_failed.startswith("disk: is full at full; `git rev-parse HEAD` exited 128")


def test_a_folder_deeper_than_can_be_walked_through_is_removed(tmp_path):
    folder = tmp_path / "deep"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("x" * 20, dir_fd=descriptor)
        below = os.open("x" * 20, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    remove_tree(folder)
    assert not folder.exists()
