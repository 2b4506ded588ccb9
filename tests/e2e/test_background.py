"""Runs begun in the foreground, in the background and on a server, listed, followed and stopped by commands."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from control_room import ControlRoom, control_room
from services import descendants

# It ignores what it is asked, as a child of it does, until a file is there.
AGENT = [
    "sh",
    "-c",
    "cat > /dev/null; trap '' TERM; while [ ! -e src/go ]; do sleep 0.2; done; echo x > src/$NIGHTWORK_TICKET.txt",
]
SETTINGS = {
    "agent": {"kind": "command", "command": AGENT, "fix_rounds": 0},
    "gates": [{"name": "fine", "measures": "syntax", "command": ["true"]}],
}
Until = Callable[..., None]


def listed(shell: Any, *arguments: str) -> list[dict[str, Any]]:
    ran = shell("list", "--json", *arguments)
    assert ran.code == 0, ran.err
    return list(ran.json()["runs"])


def shown(shell: Any, run: str, repo: Any) -> dict[str, Any]:
    ran = shell("show", run, "--json", "--repo", str(repo.path))
    assert ran.code == 0, ran.err
    return dict(ran.json())


def output(repo: Any, run: str) -> str:
    path = repo.path / ".nightwork" / "runs" / f"{run}.output"
    return path.read_text() if path.exists() else ""


def agents_at_work(repo: Any) -> list[str]:
    """Return the processes that work in the worktrees of a repository, with their command lines."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(repo.path / ".nightwork"):
                found.append(f"{entry.name} {(entry / 'cmdline').read_text()}")
        except OSError:
            continue
    return found


def pid_of(repo: Any, run: str) -> int:
    return int((repo.path / ".nightwork" / "runs" / f"{run}.pid").read_text().partition(" ")[0])


@pytest.mark.timeout(600)
def test_a_run_in_the_foreground_is_listed_and_is_told_as_crashed_when_it_is_killed(
    nightwork: Any, new_repo: Any, until: Until
) -> None:
    repo = new_repo(SETTINGS, ("T-1", "T-2"))
    program = nightwork.start("run", "--repo", str(repo.path), "--batch-id", "one")
    until(lambda: agents_at_work(repo), 90, lambda: program.output.with_suffix(".err").read_text())
    (run,) = listed(nightwork, "--repo", str(repo.path))
    assert (run["status"], run["range"], run["total"], run["process"]) == ("running", "one", 2, program.process.pid)
    assert f"run {run['id']}" in program.output.with_suffix(".err").read_text()
    program.kill()
    assert shown(nightwork, run["id"], repo)["status"] == "crashed"
    (again,) = listed(nightwork, "--repo", str(repo.path))
    assert again["status"] == "crashed"
    said = nightwork("logs", run["id"][:20], "--repo", str(repo.path), "-f")
    assert (said.code, "Processing T-1" in said.out) == (0, True)
    whole = nightwork("show", run["id"])
    assert f"nightwork resume one --repo {repo.path}" in " ".join(whole.out.split())
    assert "has ended already: crashed" in nightwork("stop", run["id"]).err


@pytest.mark.timeout(900)
def test_a_run_in_the_background_is_followed_stopped_and_resumed_and_leaves_no_process(
    nightwork: Any, new_repo: Any, until: Until, is_alive: Callable[[int], bool]
) -> None:
    repo = new_repo(SETTINGS)
    where, ids = ("--repo", str(repo.path)), list[str]()
    for number in range(5):
        begun = nightwork("run", *where, "--batch-id", "one", "-b") if not number else nightwork("resume", "-b", *where)
        assert begun.code == 0, begun.err
        ids.append(begun.out.strip())
        follower = nightwork.start("logs", ids[-1], "-f", *where)
        until(lambda ids=ids: "Processing T-1" in output(repo, ids[-1]), 90, lambda: output(repo, ids[-1]))
        until(lambda: agents_at_work(repo), 30)
        pids = [pid_of(repo, ids[-1]), *descendants(pid_of(repo, ids[-1]))]
        began = time.monotonic()
        stopped = nightwork("stop", ids[-1], *where)
        assert (stopped.code, "is stopped: aborted" in stopped.err) == (0, True), stopped.err
        assert not [pid for pid in pids if is_alive(pid)], f"after {time.monotonic() - began:.0f} s"
        assert "Processing T-1" in follower.wait(30).out
    assert agents_at_work(repo) == []
    assert "has ended already" in nightwork("stop", ids[-1], *where).err
    assert "status: aborted" in (repo.batch("one") / "manifest.yaml").read_text()
    (repo.path / "nightwork.yaml").write_text(
        (repo.path / "nightwork.yaml").read_text().replace("! -e src/go", "-e src/go")
    )
    last = nightwork("resume", "-b", *where).out.strip()
    assert nightwork("logs", last, "-f", *where).code == 0
    assert shown(nightwork, last, repo)["counts"]["completed"] == 1
    mode = (repo.path / ".nightwork" / "runs" / f"{last}.output").stat().st_mode
    assert oct(mode & 0o777) == "0o600"


@pytest.mark.timeout(600)
def test_without_a_server_a_run_is_seen_stopped_and_told_as_crashed_before_it_began(
    serverless: Any, new_repo: Any, until: Until, is_alive: Callable[[int], bool]
) -> None:
    repo = new_repo(SETTINGS)
    where = ("--repo", str(repo.path))
    nothing = serverless("list", *where)
    assert (nothing.code, nothing.out, "nothing runs" in nothing.err) == (0, "", True)
    early = serverless("run", *where, "--batch-id", "early", "-b").out.strip()
    os.kill(pid_of(repo, early), signal.SIGKILL)
    assert [(run["id"], run["status"]) for run in listed(serverless, *where)] == [(early, "crashed")]
    run = serverless("run", *where, "--batch-id", "one", "-b").out.strip()
    until(lambda: agents_at_work(repo), 120, lambda: output(repo, run))
    assert shown(serverless, run, repo)["status"] == "running"
    pids = [pid_of(repo, run), *descendants(pid_of(repo, run))]
    stopped = serverless("stop", run, *where)
    assert (stopped.code, "is stopped: aborted" in stopped.err) == (0, True), stopped.err
    assert not [pid for pid in pids if is_alive(pid)]
    assert [(each["id"], each["status"]) for each in listed(serverless, *where)] == [
        (run, "aborted"),
        (early, "crashed"),
    ]


def test_what_cannot_be_meant_is_said_before_anything_begins(nightwork: Any, new_repo: Any) -> None:
    repo = new_repo(SETTINGS)
    (repo.path / "tickets" / "T-1.md").unlink()
    refused = nightwork("run", "-b", "--repo", str(repo.path))
    assert (refused.code, (repo.path / ".nightwork" / "runs").exists()) == (2, False)
    for command in ("show", "logs", "stop"):
        unknown = nightwork(command, "overnight-no-such-run", "--repo", str(repo.path))
        assert (unknown.code, "there is none of that id" in unknown.err) == (2, True), unknown.err


@pytest.mark.timeout(600)
def test_specs_of_a_plain_folder_are_written_in_the_background(nightwork: Any, tmp_path: Path) -> None:
    folder = tmp_path / "plain folder"
    folder.mkdir()
    (folder / "one.py").write_text("def one() -> int:\n    return 1\n")
    begun = nightwork("specs", "-b", "--model", "none", "--repo", ".", cwd=folder)
    run = begun.out.strip()
    assert (begun.code, run.startswith("module-specs-plain-folder-")) == (0, True), begun.err
    followed = nightwork("logs", run, "-f", cwd=folder)
    assert "1 modules: 1 written" in followed.out
    assert (folder / "specs" / ".state" / "runs" / f"{run}.output").exists()
    assert json.loads(nightwork("show", run, "--json", cwd=folder).out)["counts"]["completed"] == 1


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with control_room(tmp_path_factory.mktemp("room")) as found:
        yield found


@pytest.mark.timeout(900)
def test_a_worker_takes_what_is_begun_in_the_background_and_lives_on_when_it_is_stopped(
    room: ControlRoom, new_repo: Any, until: Until
) -> None:
    repo = new_repo(SETTINGS)
    where = ("--repo", str(repo.path))
    run = room.nightwork("run", *where, "--batch-id", "one", "-b").strip()
    worker = next((room.folder / "state").glob("**/worker-1.pid")).read_text()
    until(lambda: agents_at_work(repo), 120, lambda: str(room.logs()))
    deployment = room.ask("deployments/name/overnight/overnight")
    later = room.ask(f"deployments/{deployment['id']}/create_flow_run", parameters={"repo": str(repo.path)})
    runs = json.loads(room.nightwork("list", "--json"))["runs"]
    assert [each["status"] for each in runs if each["id"] == run] == ["running"]
    assert str(later["id"]) in [each["flow_run_id"] for each in runs]
    room.nightwork("stop", str(later["id"]))
    room.nightwork("stop", run)
    told = json.loads(room.nightwork("show", run, "--json"))
    assert told["status"] == "cancelled", told["message"]
    assert agents_at_work(repo) == []
    retry = {"type": "SCHEDULED", "name": "AwaitingRetry"}  # what the button of the UI sets, as soon as it is shown
    room.ask(f"flow_runs/{told['flow_run_id']}/set_state", state=retry, force=False)
    until(lambda: agents_at_work(repo), 120, lambda: str(room.logs()))
    room.nightwork("stop", run)
    assert agents_at_work(repo) == []
    time.sleep(5)  # whatever would start it again
    states = {each["id"]: each["status"] for each in json.loads(room.nightwork("list", "--json"))["runs"]}
    assert set(states.values()) == {"cancelled"}
    assert next((room.folder / "state").glob("**/worker-1.pid")).read_text() == worker
    assert Path("/proc", worker.partition(" ")[0]).exists()
