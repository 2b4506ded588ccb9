"""One run per remote at a time, whatever is killed, stopped or cut off; and decisions that need no lease."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from nightwork import stop
from nightwork.errors import BadInput, Infrastructure
from nightwork.travel import Source, glance, visit

RACE = """
import os, sys, time
from pathlib import Path
from nightwork.travel.lease import Lease
from nightwork.workspace import Repository
from nightwork.workspace.remote import Access, Remote

url, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
children = []
for number in range(count):
    child = os.fork()
    if child:
        children.append(child)
        continue
    place = folder / str(number)
    place.mkdir()
    (place / "a.txt").write_text("a")
    repository = Repository.create(place, "start")
    lease = Lease.of(repository, Remote(place, Access(url)), f"copy {number}", "a turn", 60.0)
    lease.acquire(200.0)
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"begin {number}\\n".encode())
    assert lease.remote.push([update := lease.renewal()])
    lease.at = update.new
    os.write(log, f"end {number}\\n".encode())
    assert lease.remote.push([lease.release()])
    os._exit(0)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_of_a_dozen_processes_one_holds_the_lease_at_a_time(remote, tmp_path):
    folder = tmp_path / "race"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", RACE, remote.url, str(folder), "12"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = (folder / "log").read_text().split("\n")[:-1]
    assert len(lines) == 24
    for begin, end in zip(lines[::2], lines[1::2], strict=True):
        assert (begin.split()[0], end.split()[0]) == ("begin", "end")
        assert begin.split()[1] == end.split()[1]
    assert "refs/nightwork/lock" not in remote.refs()


def test_who_is_not_patient_is_told_who_holds_the_lease(remote, machine, at_home):
    holder = machine("a").start("lease", remote.url, str(remote.log), "60", "0")
    until(lambda: "begin" in remote.log.read_text())
    at_home("b")
    with pytest.raises(BadInput, match=f"a turn, process {holder.pid} on"), visit(Source(remote.url), "a test"):
        pass
    assert not stop.is_requested()


def test_a_holder_that_was_killed_is_replaced_at_once_in_its_own_copy_and_elsewhere_when_its_time_is_over(
    remote, machine
):
    for name in ("a", "a", "b"):
        size = len(remote.log.read_text().splitlines())
        holder = machine(name).start("lease", remote.url, str(remote.log), "60", "60")
        until(lambda size=size: len(remote.log.read_text().splitlines()) > size)
        holder.kill()
        holder.wait()
    assert "waiting up to" not in machine("a").errors
    assert "waiting up to" in machine("b").errors
    assert remote.log.read_text().split()[::2] == ["begin"] * 3


def test_a_holder_that_was_stopped_and_replaced_cannot_push_and_ends(remote, machine):
    first = machine("a").start("lease", remote.url, str(remote.log), "100", "0")
    until(lambda: "begin" in remote.log.read_text())
    os.killpg(first.pid, signal.SIGSTOP)
    second = machine("b").start("lease", remote.url, str(remote.log), "100", "60")
    until(lambda: remote.log.read_text().count("begin") == 2)
    held = remote.refs()["refs/nightwork/lock"]
    os.killpg(first.pid, signal.SIGCONT)
    assert first.wait(60) == 1
    assert "is another run's" in machine("a").errors
    assert "nightwork/lock" in str(remote.refs())
    second.terminate()
    assert second.wait(60) == 1, machine("b").errors
    assert f"end {first.pid}" not in remote.log.read_text()
    assert remote.git("cat-file", "-t", held) == "commit"
    assert "refs/nightwork/lock" not in remote.refs()


def test_the_network_may_be_away_for_longer_than_the_lease(remote, machine):
    away = remote.folder.with_name("away")
    machine("a").lease = "3s"
    run = machine("a").start("lease", remote.url, str(remote.log), "7", "0")
    until(lambda: "begin" in remote.log.read_text())
    remote.folder.rename(away)
    time.sleep(4)
    away.rename(remote.folder)
    assert run.wait(60) == 0, machine("a").errors
    assert machine("a").errors.count("is kept until it can be") == 1
    assert "refs/nightwork/lock" not in remote.refs()


def test_what_could_not_be_pushed_at_the_end_is_kept_and_pushed_by_the_next_run(travelled, at_home):
    at_home("a")
    away, before = travelled.folder.with_name("away"), travelled.refs()
    with pytest.raises(Infrastructure, match="all of it is kept"), visit(Source(travelled.url), "a test") as root:
        (root / ".nightwork" / "batches" / "night" / "more.json").write_text("{}")
        travelled.folder.rename(away)
    away.rename(travelled.folder)
    assert "more.json" not in travelled.git("ls-tree", "--name-only", "refs/nightwork/batches/night")
    with visit(Source(travelled.url), "a test"):
        pass
    assert "more.json" in travelled.git("ls-tree", "--name-only", "refs/nightwork/batches/night")
    assert travelled.refs().keys() == before.keys()


def test_a_stage_in_a_run_shares_its_copy_by_address_and_by_folder(remote, at_home):
    at_home("a")
    with visit(Source(remote.url), "a test") as root:
        with visit(Source(remote.url), "a stage") as same, visit(Source(str(root)), "another") as too:
            assert root == same == too
        with glance(Source(remote.url)) as seen:
            assert seen == root
        assert "refs/nightwork/lock" in remote.refs()
    assert "refs/nightwork/lock" not in remote.refs()


def test_a_run_that_fails_gives_the_lease_back(remote, at_home):
    at_home("a")
    with pytest.raises(ZeroDivisionError), visit(Source(remote.url), "a test"):
        raise ZeroDivisionError
    assert "refs/nightwork/lock" not in remote.refs()


def test_a_disk_that_takes_nothing_for_a_while_ends_neither_the_run_nor_its_sending(
    travelled, at_home, tmp_path, monkeypatch, caplog
):
    at_home("a")
    with visit(Source(travelled.url), "a test") as root:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        (root / ".nightwork" / "batches" / "night" / "more.json").write_text("{}")
        (root / ".nightwork" / "batches" / "night" / "manifest.yaml").touch()
        until(lambda: "cannot be sent" in caplog.text)
        monkeypatch.setattr(tempfile, "tempdir", None)
        until(lambda: "more.json" in travelled.git("ls-tree", "--name-only", "refs/nightwork/batches/night"))
