"""The audit judges a copy of the track, whatever happens to the track meanwhile."""

from __future__ import annotations

import itertools
import threading

import pytest

from nightwork.sandbox import open_sandbox
from nightwork.track.desk import Desks
from nightwork.track.track import open_track
from nightwork.track.versions import Version

TRACK = """\
documents: {pattern: "{number}.md"}
audit: {command: [sh, check.sh, "{document}"]}
"""


@pytest.fixture
def audited(course, tmp_path):
    folder = course(TRACK, ("1.md", "2.md", "check.sh"))
    track = open_track(str(folder))
    desks = Desks(track, open_sandbox(tmp_path / "state"), tmp_path / "scratch")

    def run(script):
        (folder / "check.sh").write_text(script)
        return desks.audit(track.modules[0], Version({"document": "the version\n"}))

    return run


def test_the_version_lies_in_its_place_and_the_rest_is_as_it_was(audited):
    found = audited('cat "$1" 2.md')
    assert (found.passed, found.told.split("\n")[:2]) == (True, ["the version", "# 2.md"])


def test_what_the_audit_writes_is_thrown_away(audited, tmp_path):
    assert audited("echo x > 2.md; rm -f track.yaml; echo y > new").passed
    assert (tmp_path / "course" / "2.md").read_text() == "# 2.md\n"
    assert not (tmp_path / "course" / "new").exists()
    assert audited('test "$(cat 2.md)" = "# 2.md" && test -f track.yaml && test ! -e new').passed


@pytest.mark.parametrize(
    "done",
    [
        "rm 2.md && mkdir 2.md && touch 2.md/x",
        "ln -sf /etc/passwd 2.md",
        "mkdir -p deep/er && chmod 0 deep",
        "ln -s /nowhere .git",
        "mkfifo pipe",
        "chmod 000 2.md",
        "rm -rf ./* .??*",
        'cp -p 2.md old && printf "# 2.mb\\n" > 2.md && touch -r old 2.md',
        'cp -p 2.md old && printf "# 2.mb\\n" > old && touch -r 2.md old && mv old 2.md',
    ],
)
def test_whatever_an_audit_does_to_its_copy_the_next_one_finds_the_track_as_it_is(audited, tmp_path, done):
    audited(done)
    assert "# 2.md" in audited("cat 2.md").told
    audited(done)
    (tmp_path / "course" / "2.md").write_text("changed\n")
    (tmp_path / "course" / "3.md").write_text("new\n")
    found = audited('cat "$1" 2.md 3.md; ls -A')
    assert found.told.split("\n") == ["the version", "changed", "new", "1.md", "2.md", "3.md", "check.sh", "track.yaml"]


def test_files_in_the_making_are_no_part_of_it(audited, tmp_path):
    (tmp_path / "course" / ".nightwork-1-1.tmp").write_text("half")
    assert audited("test ! -e .nightwork-1-1.tmp").passed


def test_files_that_come_and_go_meanwhile_do_not_keep_an_audit_from_its_work(audited, tmp_path):
    over = threading.Event()

    def churn():
        for number in itertools.count():
            path = tmp_path / "course" / f"x{number % 50}.swp"
            path.write_text("x")
            path.with_name(f"x{(number + 25) % 50}.swp").unlink(missing_ok=True)
            if over.is_set():
                return

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        assert all(audited("true").passed for _ in range(20))
    finally:
        over.set()
        thread.join()


def test_what_an_audit_changes_behind_the_times_of_its_files_is_thrown_away(audited):
    assert audited("touch -r 2.md t; echo owned! > 2.md; touch -r t 2.md; stat -c %s 2.md").passed
    assert audited('cat "$1" 2.md').told.split("\n")[1] == "# 2.md"
