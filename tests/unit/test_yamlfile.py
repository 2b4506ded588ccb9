from __future__ import annotations

import os
import threading

import pytest
from pydantic import BaseModel, ConfigDict

from nightwork import yamlfile
from nightwork.errors import BadInput


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int
    name: str = ""


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    rows: list[Inner] = []


def faults_of(text, name="f.yaml", first_line=1):
    with pytest.raises(BadInput) as caught:
        yamlfile.validate(Outer, yamlfile.parse(text, name, first_line))
    return [str(fault) for fault in caught.value.faults]


def test_all_faults_come_at_once_each_with_its_line():
    text = "titel: x\nrows:\n  - count: 1\n  - count: many\n    naem: y\n  - name: z\n"
    assert sorted(faults_of(text)) == [
        "f.yaml:1: titel: unknown key; remove it or mend its spelling",
        "f.yaml:1: title: is required",
        "f.yaml:4: rows.1.count: should be a valid integer, unable to parse string as an integer, not 'many'",
        "f.yaml:5: rows.1.naem: unknown key; remove it or mend its spelling",
        "f.yaml:6: rows.2.count: is required",
    ]


def test_lines_count_from_where_the_text_starts():
    assert faults_of("title: x\nrows: 3\n", first_line=11) == ["f.yaml:12: rows: should be a valid list, not 3"]


def test_a_good_text_becomes_the_model():
    file = yamlfile.parse("title: x\nrows: [{count: 1}]\n", "f.yaml")
    assert yamlfile.validate(Outer, file) == Outer(title="x", rows=[Inner(count=1)])


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null"])
def test_an_empty_text_is_none(text):
    assert yamlfile.parse(text, "f.yaml").data is None


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "stands twice"),
        ("x:\n  a: 1\n  a: 1\n", 3, "stands twice"),
        ("a: &x [1]\nb: *x\n", 2, "aliases"),
        ("a: [&x {b: *x}]\n", 1, "aliases"),
        ("a: 1\n b: 2\n", 2, "not valid YAML"),
        ("a: [1, 2\n", 2, "not valid YAML"),
        ("a: 1\n--- \nb: 2\n", 2, "not valid YAML"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "not valid YAML"),
        ("a: !unknown x\n", 1, "not valid YAML"),
        ("a: 2026-13-45\n", 1, "not valid YAML"),
        ("a:\tb:\tc\n", 1, "not valid YAML"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested deeper"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, "not valid YAML"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_what_is_not_read_is_refused_at_its_line(text, line, problem):
    with pytest.raises(BadInput, match=problem) as caught:
        yamlfile.parse(text, "f.yaml")
    assert caught.value.faults[0].where == f"f.yaml:{line}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "a: \x01\n",
        ),
        pytest.param(
            "a: \x00\n",
        ),
        pytest.param(
            "a: \ud800\n",
        ),
        pytest.param(
            "a: !!int ''\n",
        ),
        pytest.param(
            "a: !!float ''\n",
        ),
        "a: !!int x\n",
        pytest.param(
            "a: !!bool maybe\n",
        ),
        pytest.param(
            "a: !!timestamp soon\n",
        ),
        pytest.param(
            "a: 1:" + "0:" * 200 + "0.0\n",
        ),
        "a: 1" + "0" * 5000 + "\n",
        "? [1]\n: 2\n",
    ],
    ids=ascii,
)
def test_a_value_that_cannot_be_made_is_a_fault_of_the_file(text):
    with pytest.raises(BadInput) as caught:
        yamlfile.parse(text, "f.yaml")
    assert caught.value.faults[0].where.startswith("f.yaml:")


def test_an_alias_inside_a_key_is_refused_like_any_other():
    with pytest.raises(BadInput, match="aliases"):
        yamlfile.parse("? [&a [x], *a]\n: 1\n", "f.yaml")


def test_a_faulty_value_of_any_size_is_shown_short():
    for text in ("title: [" + "x, " * 1000 + "]", "title: 0x" + "f" * 5000):
        (fault,) = faults_of(text)
        assert fault.startswith("f.yaml:1: title: should be a valid string")
        assert len(fault) < 200


def test_a_text_of_a_person_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert yamlfile.read_text(path) == "a: 1\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"a: 1\nb: \xff\n", "not UTF-8 at byte 8"), (b"x" * 1_000_001, "1,000,001 bytes; expected at most 1,000,000")],
    ids=["bytes", "size"],
)
def test_a_file_that_is_no_text_is_refused_by_name(tmp_path, content, problem):
    (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(BadInput, match=problem) as caught:
        yamlfile.read_text(tmp_path / "f.yaml", "f.yaml")
    assert caught.value.faults[0].where == "f.yaml"


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        yamlfile.read_text(tmp_path / "none.yaml")
    with pytest.raises(BadInput, match="Is a directory"):
        yamlfile.read_text(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "f.yaml"
    os.mkfifo(path)
    refused = []

    def read():
        try:
            yamlfile.read_text(path)
        except BadInput as error:
            refused.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(1)
    if thread.is_alive():
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        thread.join()
    assert refused
