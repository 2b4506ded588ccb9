from __future__ import annotations

import pytest

from nightwork.change import ChangedFile, LineChanges
from nightwork.gate_settings import GateSettings
from nightwork.gates.judgement import Flag
from nightwork.gates.tricks import Edited, Remark, description_files, find_tricks, instruction_files, told


def gates(*command: str, **more: str) -> list[GateSettings]:
    return [GateSettings(name="g", measures="tests", command=command, **more)]


def new_file(path: str, text: str) -> Edited:
    lines = tuple(enumerate(text.split("\n"), 1))
    file = ChangedFile(path=path, status="A", added=len(lines), deleted=0)
    return Edited(file, None, text.encode("utf-8", "surrogateescape"), LineChanges(lines))


def flags_of(path: str, text: str) -> set[Flag]:
    return {remark.flag for remark in find_tricks([new_file(path, text)], [], {})}


@pytest.mark.parametrize(
    ("command", "instructions", "descriptions"),
    [
        (("./scripts/test.sh",), ("scripts/test.sh",), ()),
        (("sh", "-c", "cd x && A=1 ./run.sh || python tools/t.py a.py"), ("run.sh", "tools/t.py"), ()),
        (("bash", "-euc", "make lint\n./x"), ("Makefile", "makefile", "GNUmakefile", "x"), ("*.mk",)),
        (("python", "-m", "tox"), ("tox.ini",), ()),
        (("env", "A=1", "uv", "run", "./a.py"), ("a.py",), ()),
        (("npm", "run", "test"), (), ("package.json", ".npmrc")),
        (("python", "-m", "pytest", "tests/test_a.py"), (), ()),
        (("node", "tests/a.test.js"), (), ()),
        (("ruff", "check", "src/a.py"), (), ()),
        (("/usr/bin/tool", "../outside.sh"), (), ()),
        (("sh", "-c", "'unbalanced"), (), ()),
    ],
)
def test_what_a_command_starts_is_read_from_its_words(command, instructions, descriptions) -> None:
    assert instruction_files(gates(*command)) == instructions
    assert description_files(gates(*command)) == descriptions


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'TEXT = "# noqa"'),
        ("a.py", "# atexit and os._exit are not used here"),
        ("src/a.py", "self.outcome = 1"),
        ("a.md", "# noqa"),
        ("data.png", "# noqa"),
        ("src/shop/types.py", "X = 1"),
        ("a.py", "def f():\n    try:\n        g()\n    except ValueError:\n        pass"),
        ("a.ts", "const only = list.filter(x => x.skip)"),
    ],
)
def test_nothing_is_seen_in(path: str, text: str) -> None:
    assert flags_of(path, text) == set()


@pytest.mark.parametrize(
    "text",
    ["x = 1\r# y\rz = 1  # noqa", "def f(:  # noqa", "\x00# noqa", "x = '''\n# noqa", "\udcff  # noqa"],
    ids=["lines that git does not know", "no Python", "a NUL byte", "an open string", "no UTF-8"],
)
def test_a_source_that_cannot_be_taken_apart_is_searched_whole(text: str) -> None:
    assert flags_of("a.py", text) >= {Flag.SUPPRESSION_ADDED}


@pytest.mark.parametrize("part", ["import ", "# ", "suppress(", "not ", "[", "sys.modules[", "parametrize(", "(" * 50])
@pytest.mark.parametrize("path", ["tests/test_a.py", "a.test.js"])
def test_hostile_lines_are_searched_to_their_end(part: str, path: str) -> None:
    assert isinstance(flags_of(path, part * (100_000 // len(part))), set)


def test_a_source_that_python_reads_in_another_encoding_is_flagged() -> None:
    assert flags_of("a.py", "# coding: utf-7\nx = 1") == {Flag.NOT_EXAMINED}
    assert flags_of("a.py", "# coding: latin-1\nx = 1") == set()


def test_remarks_are_printable_short_and_few() -> None:
    path = "\x1b[31m" + "x" * 5000
    texts = told(Remark(Flag.COPIED_CODE, path, number, "\u202e" + "y" * 500) for number in range(100))
    assert len(texts) == 9
    assert texts[-1] == "copied_code: 92 more"
    assert all(text.isprintable() and len(text) < 250 for text in texts)


def test_the_file_of_a_report_is_known_to_its_gate_alone() -> None:
    found = find_tricks([new_file("a.py", "P = 'out/r+.xml'")], gates("x", report_path="out/r+.xml"), {})
    assert [str(remark) for remark in found] == ["gate_detected: a.py:1 `r+.xml'`"]
