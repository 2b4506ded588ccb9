"""A whole night with the real client against a server of ours, and a key that nobody else ever sees."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messages_server import MessagesServer, conversations, tools

KEY = "sk-ant-api03-a-key-that-nobody-may-see"
SETTINGS = {
    "agent": {"model": "claude-opus-5-5"},
    "gates": [{"name": "tests", "measures": "tests", "command": ["sh", "-c", "sleep 0.3; ! grep -rq sk-ant ."]}],
}


def script(name: str) -> dict[str, Any]:
    return {
        "C0": [[{"list": {}}], [{"submit_scope": {"objective": name, "in_scope": [name]}}]],
        "C1": [[{"submit_plan": {"approach": "add a file"}}]],
        "C2": [
            [{"edit": {"path": f"{name}.txt", "old": "", "new": "one\n"}}, {"run": {"command": ["sleep", "0.3"]}}],
            [{"run": {"command": ["sh", "-c", "env; cat /proc/self/environ"]}}],
            tools(submit_work={"summary": f"add {name}.txt"}, think="Done, I think."),
        ],
    }


def environments(pid: int, seen: dict[int, bytes]) -> None:
    """Note the environment of every process below `pid`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for current in found:
        found += [child for child, parent in parents.items() if parent == current]
    own = _read(pid, "cmdline")
    for child in found[1:]:
        if _read(child, "cmdline") not in {own, b""}:  # else it is a fork that has not begun its program yet
            seen[child] = _read(child, "environ")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def watch(pid: int, seen: dict[int, bytes], ended: threading.Event) -> None:
    while not ended.wait(0.02):
        environments(pid, seen)


def test_the_key_reaches_the_provider_and_nothing_else(
    command_line: Callable[..., Any], new_repo: Callable[..., Any]
) -> None:
    names = ("T-1", "T-2")
    with MessagesServer(conversations({name: script(name) for name in names})) as server:
        nightwork = command_line(ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=server.url)
        repo = new_repo(SETTINGS, tickets=names)
        program = nightwork.start("run", "--repo", str(repo.path), "--json", "--verbose")
        seen: dict[int, bytes] = {}
        ended = threading.Event()
        watcher = threading.Thread(target=watch, args=(program.process.pid, seen, ended))
        watcher.start()
        ran = program.wait(150)
        ended.set()
        watcher.join()
        doctor = nightwork("doctor", "--repo", str(repo.path))
        assert all(KEY in " ".join(asked.headers.values()) for asked in server.requests)
        assert len(server.requests) == 12
    assert ran.code == 0, ran.err
    assert [change["outcome"] for change in ran.json()["queue"]]
    assert "the key is accepted" in doctor.out
    assert len(seen) > 5
    assert [environment for environment in seen.values() if KEY.encode() in environment] == []
    assert KEY not in ran.out + ran.err + doctor.out + doctor.err
    leaks = [path for top in (repo.path, nightwork.folder) for path in top.rglob("*") if _holds_key(path)]
    assert leaks == []


def _holds_key(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and KEY.encode() in path.read_bytes()


def test_without_a_key_no_ticket_is_started(serverless: Any, new_repo: Callable[..., Any]) -> None:
    repo = new_repo(SETTINGS)
    ran = serverless("run", "--repo", str(repo.path))
    assert ran.code == 2
    assert "ANTHROPIC_API_KEY: is not set" in ran.err
    assert not (repo.path / ".nightwork" / "batches").exists()
