"""Runs a small batch in child processes that are killed at a chosen instant, resumes it, and reports what came of it.

An instant is a file operation or the start of a process, told by Python's audit events, so that it is deterministic in
kind and needs no change to the code under test. Usage: kill_driver.py FOLDER SHARD SHARDS INSTANTS; prints JSON lines.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nightwork import stop
from nightwork.batch import Batch, start_batch
from nightwork.lock import hold
from nightwork.settings import RunOptions
from nightwork.stages import gates, generation, intake, review, together

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "subprocess.Popen", "os.symlink"}
BATCH = "night"


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(root: Path) -> None:
    """Make a repository with three tickets (one stacked), whose runs leave a line each in a log outside of it."""
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
    (root / "nightwork.yaml").write_text(json.dumps({"agent": {"model": "scripted:script.yaml"}, "gates": [gate]}))
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")


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
        work = (generation.scope, generation.plan, generation.implement, generation.publish)
        generation.run_tickets(batch, lambda ref: pool.submit(generation.generate_ticket, ref, *work))
        gates.run_gates(batch, lambda ref: pool.submit(gates.judge_ticket, ref))
        together.combine(batch)
    review.review(str(root), BATCH)


def in_child(root: Path, kill_at: int, counter: Path | None = None) -> int:
    """Run the batch in a forked child that kills itself at an instant (0: never); returns its exit status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    os.setsid()
    seen = 0

    def audit(event: str, _: object) -> None:
        nonlocal seen
        if event in EVENTS:
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    stop.reset()
    code = 1
    try:
        run_batch(root)
        code = 0
        if counter:
            counter.write_text(str(seen))
    finally:
        if code:
            traceback.print_exc()
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
        ids = [line for line in path.read_text().splitlines() if '"kind":"assistant"' in line]
        total += len(ids) - len({json.loads(line)["message"]["calls"][0]["id"] for line in ids})
    return total


def main() -> None:
    folder, shard, shards, instants = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    template = folder / "template" / "repository"
    make_repository(template)
    whole = folder / "whole"
    shutil.copytree(folder / "template", whole, symlinks=True)
    relog(whole)
    counter = folder / "count"
    assert in_child(whole / "repository", 0, counter) == 0
    total = int(counter.read_text())
    points = sorted({1 + (total - 1) * number // (instants - 1) for number in range(instants)})
    for number, point in enumerate(points):
        if number % shards != shard:
            continue
        place = folder / f"at-{point}"
        shutil.copytree(folder / "template", place, symlinks=True)
        relog(place)
        root = place / "repository"
        status = in_child(root, point)
        second = in_child(root, 1 + point // 3) if number % 4 == 0 else 0
        resumed = in_child(root, 0)
        told = {
            "instant": point,
            "killed": os.WIFSIGNALED(status),
            "killed_in_resume": os.WIFSIGNALED(second),
            "resume_exit": resumed,
            "faults": faults(root) if resumed == 0 else ["resume failed"],
            "commands_repeated": repeated(root),
            "replies_repeated": calls_repeated(root),
        }
        print(json.dumps(told), flush=True)
        if not told["faults"]:
            shutil.rmtree(place)


def relog(place: Path) -> None:
    """Let the copy write its own log."""
    script = place / "repository" / "script.yaml"
    template = place.parent / "template"
    script.write_text(script.read_text().replace(str(template), str(place)))


if __name__ == "__main__":
    main()
