"""Runs a small batch in child processes that are struck at a chosen instant, resumes it, and reports what came of it.

An instant is a file operation or the start of a process, told by Python's audit events, so that it is deterministic in
kind and needs no change to the code under test. The stroke is a kill, or a disk that is full from then on until the
child has ended; for that each repository gets a small file system of its own, which takes the right to mount.
With `claude` the agent is the real client against a server of ours in this process, and the stroke a kill; then every
request is counted, and what the ledger knows is compared with what the server has billed.
Usage: kill_driver.py kill|full|claude FOLDER SHARD SHARDS INSTANTS; prints JSON lines.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from messages_server import MessagesServer, conversations

from nightwork import stop
from nightwork.batch import Batch, start_batch
from nightwork.files import read_records
from nightwork.ledger import Ledger
from nightwork.llm.prices import price_of
from nightwork.lock import hold
from nightwork.price import Tokens
from nightwork.settings import RunOptions
from nightwork.stages import gates, generation, intake, review, ticket, together

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "subprocess.Popen", "os.symlink"}
EVENTS |= {"sqlite3.connect", "socket.connect"}
MODEL = "claude-opus-5-5"
BATCH = "night"
FILLER = ".filler"
DISK_MB = 12


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(root: Path, model: str) -> dict[str, Any]:
    """Make a repository with three tickets (one stacked), whose runs leave a line each in a log outside of it.

    Returns what the model says.
    """
    (root / "tickets").mkdir(parents=True)
    log = root.parent / "log"
    script = {}
    for name, dependencies in (("A", []), ("B", ["A"]), ("C", [])):
        front = {"id": name, "title": f"Add {name}", "labels": ["ready-for-agent"], "dependencies": dependencies}
        body = "## Acceptance criteria\n\n- it is there\n"
        (root / "tickets" / f"{name}.md").write_text(f"---\n{json.dumps(front)}\n---\n\n{body}")
        note = [{"run": {"command": ["sh", "-c", f"echo {name}-$0 >> {log}", step]}} for step in ("one", "two")]
        script[name] = {
            "C0": [[{"list": {}}], [{"submit_scope": {"objective": name, "in_scope": [name]}}]],
            "C1": [[{"submit_plan": {"approach": "add a file"}}]],
            "C2": [
                [note[0], {"edit": {"path": f"{name}.txt", "old": "", "new": "one\n"}}],
                [{"edit": {"path": f"{name}.txt", "old": "one\n", "new": "one\ntwo\n"}}, note[1]],
                [{"submit_work": {"summary": f"add {name}.txt"}}],
            ],
        }
    (root / "script.yaml").write_text(json.dumps(script, indent=1))
    gate = {"name": "tests", "measures": "tests", "command": ["true"]}
    (root / "nightwork.yaml").write_text(
        json.dumps(
            {
                "agent": {"model": model},
                "gates": [gate],
                "batch": {"min_free_mb": 0},
                "sandbox": {"confine": False},  # the commands count themselves outside of their worktrees
            }
        )
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")
    return script


def run_batch(root: Path) -> None:
    """Do what the overnight flow does, on plain threads."""
    with hold(root, "a test"):
        _run_batch(root)


def _run_batch(root: Path) -> None:
    batch, settings = start_batch(str(root), BATCH, RunOptions())
    if not batch.exists():
        selection = intake.collect(str(root), settings)
        intake.write_manifest(str(root), BATCH, settings, selection)
        intake.measure_base(str(root), BATCH)
    batch.settle_settings(RunOptions())
    with ThreadPoolExecutor(4) as pool:
        work = (ticket.scope, ticket.plan, ticket.implement, ticket.publish)
        generation.run_tickets(batch, lambda ref: pool.submit(ticket.generate_ticket, ref, *work))
        gates.run_gates(batch, lambda ref: pool.submit(gates.judge_ticket, ref))
        together.combine(batch)
    review.review(str(root), BATCH)


def kill(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill(root: Path) -> None:
    """Leave no byte free on the disk of the repository."""
    descriptor = os.open(root / FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (65536, 1):
        with contextlib.suppress(OSError):
            while os.write(descriptor, bytes(size)):
                pass
    os.close(descriptor)


STROKES = {"kill": kill, "full": fill, "claude": kill}


def in_child(root: Path, strike_at: int, stroke: Callable[[Path], None] = kill, counter: Path | None = None) -> int:
    """Run the batch in a forked child that is struck at an instant (0: never); returns its exit status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    os.setsid()
    os.environ["XDG_STATE_HOME"] = str(root.parent / "state")
    seen = 0

    def audit(event: str, _: object) -> None:
        nonlocal seen
        if event in EVENTS:
            seen += 1
            if seen == strike_at:
                stroke(root)

    sys.addaudithook(audit)
    stop.reset()
    code = 1
    try:
        run_batch(root)
        code = 0
        if counter:
            counter.write_text(str(seen))
    except Exception:  # noqa: BLE001  told, and the exit status says so
        traceback.print_exc()
    finally:
        os._exit(code)


def faults(root: Path) -> list[str]:
    """Return what is wrong with a batch that should be done."""
    batch = Batch(root, BATCH)
    found = []
    outcomes = {name: outcome.label() for name, outcome in batch.state().items.items()}
    if set(outcomes.values()) != {"completed"}:
        found.append(f"outcomes {outcomes}: {[o.message for o in batch.state().items.values()]}")
    if batch.manifest().status != "completed":
        found.append(f"manifest {batch.manifest().status}")
    record = batch.together()
    if record is None or not record.key or (record.status, record.order) != ("passed", ("A", "B", "C")):
        found.append(f"together {record and record.summary()}")
    for name in "ABC":
        base = "agent/A" if name == "B" else "main"
        commits = git(root, "rev-list", "--count", f"{base}..agent/{name}")
        text = git(root, "show", f"agent/{name}:{name}.txt")
        if (commits, text) != ("1", "one\ntwo"):
            found.append(f"{name}: {commits} commits, text {text!r}")
    requests = sorted(path.name for path in (batch.folder / "merge_requests").iterdir())
    if requests != ["A.md", "B.md", "C.md"]:
        found.append(f"merge requests {requests}")
    if leftovers := [str(path) for path in batch.state_folder.rglob("*.tmp")]:
        found.append(f"leftovers {leftovers}")
    if refs := git(root, "for-each-ref", "refs/nightwork"):
        found.append(f"refs {refs}")
    return found


def repeated(root: Path) -> list[str]:
    """Return the commands that ran more than once, once for each repetition."""
    lines = (root.parent / "log").read_text().split()
    return [line for line in sorted(set(lines)) for _ in range(lines.count(line) - 1)]


def calls_repeated(root: Path) -> int:
    """Return how many replies of the model were asked for twice."""
    total = 0
    for path in Batch(root, BATCH).folder.glob("tickets/*/attempt-*/trajectory.jsonl"):
        replies = [record["message"] for record in read_records(path) if record["kind"] == "assistant"]
        total += len(replies) - len({reply["calls"][0]["id"] for reply in replies})
    return total


def unknown_usd(root: Path, server: MessagesServer) -> float:
    """Return how much the server has billed for a batch that its ledger does not know."""
    price = price_of(MODEL, {})
    billed = sum(
        price.cost_usd(
            Tokens(
                input=usage["input_tokens"],
                cache_read=usage["cache_read_input_tokens"],
                cache_write_5m=usage["cache_creation_input_tokens"],
                output=usage["output_tokens"],
            )
        )
        for usage in server.usages
    )
    return billed - Ledger(Batch(root, BATCH).state_folder / "ledger.sqlite").spent_usd(BATCH)


def main() -> None:
    kind, folder, shard, shards, instants = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:6])
    template = folder / "template" / "repository"
    importlib.import_module("nightwork.llm.claude")  # here, rather than in each child
    said = make_repository(template, MODEL if kind == "claude" else "scripted:script.yaml")
    counter = folder / "count"
    whole = place_of(folder, "whole", kind)
    with served(said, kind):
        assert in_child(whole, 0, counter=counter) == 0
    total = int(counter.read_text())
    points = sorted({1 + (total - 1) * number // (instants - 1) for number in range(instants)})
    for number, point in enumerate(points):
        if number % shards != shard:
            continue
        root = place_of(folder, f"at-{point}", kind)
        with served(json.loads(relogged(json.dumps(said), root.parent)), kind) as server:
            told = struck(root, number, point, kind) | asked_twice(root, server)
        print(json.dumps(told), flush=True)


@contextlib.contextmanager
def served(said: dict[str, Any], kind: str) -> Iterator[MessagesServer | None]:
    """Let the real client find a server of ours, when there is to be one."""
    if kind != "claude":
        yield None
        return
    with MessagesServer(conversations(said)) as server:
        os.environ |= {"ANTHROPIC_API_KEY": "sk-ant-of-a-test", "ANTHROPIC_BASE_URL": server.url}
        yield server


def asked_twice(root: Path, server: MessagesServer | None) -> dict[str, Any]:
    """Return how many requests were made more than once, and what was billed and is not known."""
    if server is None:
        return {}
    asked = [request.raw for request in server.requests]
    return {"requests_repeated": len(asked) - len(set(asked)), "unknown_usd": unknown_usd(root, server)}


def struck(root: Path, number: int, point: int, kind: str) -> dict[str, Any]:
    """Run a batch that is struck at an instant, resume it, and tell what came of it."""
    status = in_child(root, point, STROKES[kind])
    second = in_child(root, 1 + point // 3) if number % 4 == 0 and kind != "full" else 0
    (root / FILLER).unlink(missing_ok=True)
    resumed = in_child(root, 0)
    return {
        "instant": point,
        "killed": os.WIFSIGNALED(status),
        "first_exit": os.waitstatus_to_exitcode(status),
        "killed_in_resume": os.WIFSIGNALED(second),
        "resume_exit": resumed,
        "faults": faults(root) if resumed == 0 else ["resume failed"],
        "commands_repeated": repeated(root),
        "replies_repeated": calls_repeated(root),
    }


def place_of(folder: Path, name: str, kind: str) -> Path:
    """Make a copy of the repository, on a small disk of its own when it is to run full; its log stands beside it."""
    root = folder / name / "repository"
    root.mkdir(parents=True)
    if kind == "full":
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(root)], check=True)
    shutil.copytree(folder / "template" / "repository", root, symlinks=True, dirs_exist_ok=True)
    relog(folder / name)
    return root


def relog(place: Path) -> None:
    """Let the copy write its own log."""
    script = place / "repository" / "script.yaml"
    script.write_text(relogged(script.read_text(), place))


def relogged(script: str, place: Path) -> str:
    return script.replace(str(place.parent / "template"), str(place))


if __name__ == "__main__":
    main()
