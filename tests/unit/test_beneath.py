from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

import pytest

from nightwork import beneath

GITS_OWN = [
    ".git", ".GIT", ".Git", ".git ", ".git.", ".git . ", "git~1", "GIT~2", ".g\u200cit", ".git\ufeff", "\u200e.git",
    ".git::$INDEX_ALLOCATION", ".git:x",
]  # fmt: skip
FREE = [".gitignore", ".gitattributes", ".github", "git", "git~", "git~x", "a.git", ".gi", "~git1", ".git-x"]


@pytest.mark.parametrize("name", GITS_OWN, ids=ascii)
def test_every_name_of_the_repository_is_known(name):
    assert beneath.is_gits_own(name)


@pytest.mark.parametrize("name", FREE)
def test_names_that_only_look_alike_are_free(name):
    assert not beneath.is_gits_own(name)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    (tmp_path / "scratch").mkdir()
    return root


def replace(root, path, text="new"):
    beneath.replace(root, Path(path), text.encode(), root.parent / "scratch")


def test_a_file_is_read_and_replaced(root):
    assert beneath.read(root, Path("folder/file"), 99) == b"inside"
    (root / "folder" / "file").chmod(0o640)
    replace(root, "folder/file")
    replace(root, "more/deep/file")
    assert (root / "folder" / "file").read_text() == (root / "more" / "deep" / "file").read_text() == "new"
    assert (root / "folder" / "file").stat().st_mode & 0o777 == 0o640
    assert not list((root.parent / "scratch").iterdir())


@pytest.mark.parametrize("target", ["../outside", "folder"])
def test_no_link_on_the_way_is_followed(root, target):
    (root / "link").symlink_to(target)
    for use in (lambda: beneath.read(root, Path("link/file"), 99), lambda: replace(root, "link/file")):
        with pytest.raises(OSError, match=r"directory|links"):
            use()
    assert (root.parent / "outside" / "file").read_text() == "outside"


def test_no_link_in_place_of_the_file_is_followed(root):
    (root / "link").symlink_to("../outside/file")
    with pytest.raises(OSError, match="links"):
        beneath.read(root, Path("link"), 99)
    with pytest.raises(ValueError, match="no plain file"):
        replace(root, "link")
    assert (root.parent / "outside" / "file").read_text() == "outside"


def test_a_file_with_a_second_name_is_replaced_under_this_one_alone(root):
    os.link(root.parent / "outside" / "file", root / "both")
    replace(root, "both")
    assert (root / "both").read_text() == "new"
    assert (root.parent / "outside" / "file").read_text() == "outside"


@pytest.mark.parametrize("path", ["../outside/file", "folder/../../outside/file", "/etc/passwd"])
def test_a_path_that_leads_out_is_refused(root, path):
    for use in (lambda: beneath.read(root, Path(path), 99), lambda: replace(root, path)):
        with pytest.raises(ValueError, match="leads out"):
            use()


def test_a_pipe_a_folder_and_a_large_file_are_refused_at_once(root):
    os.mkfifo(root / "pipe")
    (root / "large").write_bytes(bytes(100))
    for name, told in (("pipe", "no plain file"), ("folder", "no plain file"), ("large", "larger than 99")):
        with pytest.raises(ValueError, match=told):
            beneath.read(root, Path(name), 99)
    with pytest.raises(ValueError, match="no plain file"):
        replace(root, "pipe")


def test_a_folder_swapped_for_a_link_all_the_time_lets_nothing_out(root):
    """Whatever the instant, a write lands inside or is refused."""
    ended = threading.Event()
    (root / "link").symlink_to("../outside")
    names = [os.fsencode(root / name) for name in ("folder", "link")]
    rename = ctypes.CDLL(None).renameat2

    def swap():
        while not ended.is_set():
            assert rename(-100, names[0], -100, names[1], 2) == 0  # RENAME_EXCHANGE

    swapper = threading.Thread(target=swap)
    swapper.start()
    refused = 0
    try:
        for _ in range(2000):
            try:
                replace(root, "folder/file")
                assert b"outside" not in beneath.read(root, Path("folder/file"), 99)
            except OSError:
                refused += 1
    finally:
        ended.set()
        swapper.join()
    assert (root.parent / "outside" / "file").read_text() == "outside"
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["file"]
    assert 0 < refused < 2000
