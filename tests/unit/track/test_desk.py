"""The audit judges a copy of the track, whatever happens to the track meanwhile."""

from __future__ import annotations

import itertools
import threading

import pytest

from nightwork.sandbox import open_sandbox
from nightwork.track.desk import audit
from nightwork.track.track import open_track
from nightwork.track.versions import Version

TRACK = """\
documents: {pattern: "{number}.md"}
audit: {command: [sh, -c, %s, audit, "{document}"]}
"""


@pytest.fixture
def audited(course, tmp_path):
    folder = course(TRACK % "'true'", ("1.md", "2.md"))
    sandbox = open_sandbox(tmp_path / "state")

    def run(command):
        (folder / "track.yaml").write_text(TRACK % f"'{command}'")
        track = open_track(str(folder))
        version = Version({"document": "the version\n"})
        return audit(track, track.modules[0], version, sandbox, tmp_path / "scratch")

    return run


def test_the_version_lies_in_its_place_and_the_rest_is_as_it_was(audited):
    found = audited('cat "$1" 2.md')
    assert (found.passed, found.told.split("\n")[:2]) == (True, ["the version", "# 2.md"])


def test_what_the_audit_writes_is_thrown_away(audited, tmp_path):
    assert audited("echo x > 2.md; rm -f track.yaml; echo y > new").passed
    assert (tmp_path / "course" / "2.md").read_text() == "# 2.md\n"
    assert not (tmp_path / "course" / "new").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


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
