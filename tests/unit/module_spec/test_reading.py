"""Files that want to break what reads them: each has its skeleton, and none takes another with it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from nightwork import stop
from nightwork.errors import Infrastructure, Stopped
from nightwork.module_spec.source.files import project_files
from nightwork.module_spec.source.reading import read_all
from nightwork.module_spec.source.skeleton import Skeleton

BROKEN = {
    "syntax.py": (
        b"def whole(a): pass\n\nclass A:\n    def m(self): pass\n    def _h(self): pass\ndef half(:\n",
        "line 6: ",
    ),
    "python2.py": (b"def old(a):\n    print 'a'\n", "line 2: "),
    "undecodable.py": (b"x = 1\ny = '\xff'\n", "line 2: "),
    "unknown-codec.py": (b"# coding: klingon\nx = 1\n", "klingon"),
    "null.py": (b"x = 1\n\n\0\n", "line 3: null bytes"),
    "parentheses.py": (b"x = " + b"(" * 10_000 + b")" * 10_000, ""),
    "minus.py": (b"x = " + b"-" * 100_000 + b"1", ""),
    "dots.py": (b"x = a" + b".b" * 100_000, ""),
    "indents.py": (b"".join(b" " * n + b"if x:\n" for n in range(200)), ""),
    "escape.py": (b"x = \x1b[31m\n", "line 1: "),
}  # fmt: skip
WHOLE = {
    "latin.py": b"# coding: latin-1\n\xe9 = 1\n",
    "bom.py": b"\xef\xbb\xbfx = 1\n",
    "crlf.py": b"x = 1\r\ny = 2\r\n",
    "empty.py": b"",
    "plus.py": b"def f(): return 1" + b" + 1" * 900,
    "elif.py": b"if a: pass\n" + b"elif a: raise B\n" * 400,
    "escapes.py": b"x = '\\d'\nassert (1, 2)\n1 is 1\n",
    "large.py": b"VALUES = [\n" + b"    'value', 1234567890,\n" * 90_000 + b"]\n",
    "folder without init/-dash.py": b"x = 1\n",
    "a.b.c.py": b"x = 1\n",
    "new\nline.py": b"x = 1\n",
    "\udcff.py": b"x = 1\n",
}


@pytest.fixture
def torture(tmp_path: Path) -> Path:
    for name, source in {**WHOLE, **{name: source for name, (source, _) in BROKEN.items()}}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(source)
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "loop.py").symlink_to("loop.py")
    return tmp_path


@pytest.mark.parametrize("processes", [None, 1, 2])
def test_every_file_has_its_skeleton_whatever_is_in_it(torture: Path, processes: int | None) -> None:
    paths = project_files(torture)
    skeletons = read_all(torture, list(reversed(paths)), processes)
    assert list(skeletons) == sorted([*WHOLE, *BROKEN]) == paths
    assert {path for path, skeleton in skeletons.items() if skeleton.error} == set(BROKEN)
    for path, (source, error) in BROKEN.items():
        assert error in skeletons[path].error
        assert skeletons[path].error.isprintable()
        assert (skeletons[path].size, skeletons[path].path) == (len(source), path)
    assert [each.name for each in skeletons["latin.py"].symbols] == ["é"]
    assert [each.name for each in skeletons["large.py"].symbols] == ["VALUES"]


def test_a_file_that_cannot_be_parsed_tells_its_names_by_its_text(torture: Path) -> None:
    symbols = read_all(torture, ["syntax.py"])["syntax.py"].symbols
    assert [(each.name, each.signature, each.line, each.is_public) for each in symbols] == [
        ("whole", "def whole(a): pass", 1, True),
        ("A", "class A", 3, True),
        ("A.m", "def m(self): pass", 4, True),
        ("A._h", "def _h(self): pass", 5, False),
        ("half", "def half(", 6, True),
    ]


def test_what_cannot_be_read_has_an_error_and_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "link.py").symlink_to("good.py")
    (tmp_path / "closed.py").write_text("x = 1\n")
    (tmp_path / "closed.py").chmod(0)
    (tmp_path / "good.py").write_text("x = 1\n")
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(10_000_001)
    names = ("folder.py", "gone.py", "good.py", "huge.py", "link.py", "pipe.py", "closed.py")
    skeletons = read_all(tmp_path, names)
    errors = {path: skeleton.error for path, skeleton in skeletons.items() if skeleton.error}
    if os.geteuid() != 0:
        assert errors.pop("closed.py") == "cannot be read: Permission denied"
    assert errors == {
        "folder.py": "is no plain file",
        "gone.py": "cannot be read: No such file or directory",
        "huge.py": "is too large: more than 10,000,000 bytes",
        "link.py": "cannot be read: Too many levels of symbolic links",
        "pipe.py": "is no plain file",
    }
    assert skeletons["huge.py"].size == 10_000_001


def test_files_of_other_languages_are_left_out_and_none_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert read_all(tmp_path, ["a.txt"]) == {}
    assert read_all(tmp_path, []) == {}


def of_paths(found: dict[str, Skeleton]) -> dict[str, str]:
    return {path: skeleton.error for path, skeleton in found.items() if skeleton.error}


def test_a_file_that_needs_too_much_memory_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_bytes(b"x = (" + b"1, " * 2_900_000 + b")")
    (tmp_path / "small.py").write_text("x = 1\n")
    found = read_all(tmp_path, project_files(tmp_path))
    assert of_paths(found) == {"wide.py": "nested too deeply, or too large, to be parsed"}


def helpers() -> set[int]:
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in told.splitlines()]
    return {int(pid) for pid, parent, args in rows if int(parent) == os.getpid() and "answering.py" in args}


def test_a_process_that_is_killed_costs_at_most_the_file_it_was_at(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"m{number:02}.py").write_text("x = [" + "1, " * 20_000 + "]\n")
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(0.1):
            for process in helpers():
                os.kill(process, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = read_all(tmp_path, project_files(tmp_path), processes=2)
    except Infrastructure as error:
        assert "signal 9" in str(error)  # it was killed before it had begun
    else:
        assert len(found) == 60
        assert len(of_paths(found)) <= 1
    finally:
        is_over.set()
        killer.join()
    assert not helpers()


def test_the_wish_to_stop_ends_the_reading_and_its_processes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    stop.request("a test")
    try:
        with pytest.raises(Stopped):
            read_all(tmp_path, ["a.py"])
    finally:
        stop.reset()
    assert not helpers()


def test_a_project_cannot_slip_its_own_modules_into_a_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ast.py", "nightwork.py", "signal.py", "pickle.py"):
        (tmp_path / name).write_text("import os\nos._exit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert of_paths(read_all(tmp_path, project_files(tmp_path))) == {}
