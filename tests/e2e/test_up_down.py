"""`nightwork up` and `down`: each state that a machine can be in ends in a clear one, with real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import prefect
import pytest

from flows.wiring.states import decided_before, superseded
from nightwork.decision import Decision, Kind

SLOW_AGENT = ["sh", "-c", "cat > /dev/null; sleep 600"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Room:
    """A control room with a home of its own."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.port = free_port()
        self.state = shell.home / ".local" / "state" / "nightwork" / "control-room"
        self.prefect_home = shell.home / ".prefect"

    def up(self, *arguments: str) -> Any:
        ran = self.shell("up", "--json", "--port", str(self.port), *arguments)
        assert ran.code == 0, ran.err
        return ran.json()

    def ask(self, path: str, body: Any = None, method: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/api{path}"
        request = urllib.request.Request(url, data, headers, method=method or ("POST" if data else "GET"))
        for attempt in range(20):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                if error.code != 503 or attempt == 19:  # 503: its SQLite is busy
                    raise AssertionError(f"{path}: {error.code} {error.read().decode()}") from error
                time.sleep(0.5)
        return None

    def pid(self, name: str) -> int:
        return int((self.state / f"{name}.pid").read_text().partition(" ")[0])

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def start(self, deployment: str, **parameters: Any) -> str:
        found = self.ask(f"/deployments/name/{deployment}")
        made = self.ask(f"/deployments/{found['id']}/create_flow_run", {"parameters": parameters})
        return str(made["id"])

    def create(self, deployment: str, name: str, tags: list[str]) -> str:
        """Make a run that no worker starts."""
        found = self.ask(f"/deployments/name/{deployment}")
        never = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2100-01-01T00:00:00Z"}}
        wanted = {"name": name, "tags": ["nightwork", *tags], "state": never, "enforce_parameter_schema": False}
        return str(self.ask(f"/deployments/{found['id']}/create_flow_run", wanted)["id"])

    def set_state(self, run_id: str, kind: str, name: str, message: str | None = None) -> None:
        state = {"type": kind, "name": name, "message": message}
        self.ask(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def run(self, run_id: str) -> Any:
        return self.ask(f"/flow_runs/{run_id}")

    def log(self, name: str) -> str:
        path = self.state / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else "no log"


@pytest.fixture
def room(serverless: Any) -> Iterator[Room]:
    found = Room(serverless)
    yield found
    for note in found.state.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int(note.read_text().partition(" ")[0]), signal.SIGKILL)


@pytest.fixture
def inbox() -> Iterator[Any]:
    """A web hook, and what it got."""
    got: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()


def webhook_block(room: Room, url: str) -> str:
    kind = room.ask("/block_types/slug/custom-webhook")
    (schema, *_) = room.ask("/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}})
    data = {"name": "team", "url": url, "json_data": {"subject": "{{subject}}", "body": "{{body}}"}}
    body = {"name": "team", "block_type_id": kind["id"], "block_schema_id": schema["id"], "data": data}
    room.ask("/block_documents/", body)
    return "custom-webhook/team"


def hurry(room: Room, name: str, seconds: int) -> None:
    """Let an automation wait for a shorter time; it stays as it is otherwise."""
    wanted = {"automations": {"name": {"any_": [name]}}}
    (found,) = room.ask("/automations/filter", wanted)
    trigger = {**found["trigger"], "within": seconds}
    kept = ("name", "description", "enabled", "tags", "actions", "actions_on_trigger", "actions_on_resolve")
    room.ask(f"/automations/{found['id']}", {**{key: found[key] for key in kept}, "trigger": trigger}, "PUT")


@pytest.mark.timeout(900)  # servers start one after the other
def test_a_room_is_kept_up_mends_itself_tells_people_and_ends_so_that_work_goes_on(
    room: Room, inbox: Any, new_repo: Any, until: Callable[..., None], is_alive: Callable[[int], bool]
) -> None:
    agent = {"kind": "command", "command": SLOW_AGENT, "fix_rounds": 0}
    gates = [{"name": "fine", "measures": "syntax", "command": ["true"]}]
    repo = new_repo({"agent": agent, "gates": gates})

    first = room.up("--repo", str(repo.path), "--schedule", "daily", "--time-zone", "Europe/Berlin")
    assert (first["ui"], first["repo"]) == (f"http://127.0.0.1:{room.port}", str(repo.path))
    assert {"server: started", "worker-1: started"} <= set(first["done"])
    assert [each["deployment"] for each in first["schedules"] if each["next"] is None] == ["module-specs"]

    again = room.up()
    assert again["done"] == []
    assert (again["server_pid"], again["workers"]) == (first["server_pid"], first["workers"])

    doctor = room.shell("doctor", "--repo", str(repo.path), "--json").json()
    assert [each["found"] for each in doctor if each["name"] == "server"] == [
        f"http://127.0.0.1:{room.port}/api, of `nightwork up`"
    ]

    room.kill("worker-1")
    assert room.up()["done"] == ["worker-1: started"]
    block = webhook_block(room, inbox[0])
    room.kill("server")
    mended = room.up("--notify", block)
    assert mended["done"][0] == "server: started"
    assert not any("worker" in line for line in mended["done"])

    _nobody_else_is_let_in(room)
    _schedules_have_made_runs(room, until)
    _people_are_told(room, inbox[1], until)
    _who_waits_is_reminded_of_once_for_each_time_and_not_when_it_is_decided(room, inbox[1], until)
    run_id = _a_run_whose_machine_is_gone_is_found_and_goes_on(room, until)

    until(lambda: room.run(run_id)["state_name"] == "Running", 90, lambda: room.log("worker-1")[-3000:])
    until(lambda: _agents_at_work(repo), 90, lambda: room.log("worker-1")[-3000:])
    # A pool that a person has paused keeps no worker from ending.
    room.ask("/work_pools/nightwork", {"is_paused": True}, "PATCH")
    down = room.shell("down", "--json", timeout_s=200)
    assert (down.code, down.json()) == (0, {"ended": ["worker-1", "server"]}), down.err
    assert "status: aborted" in (repo.batch() / "manifest.yaml").read_text()
    assert not any(is_alive(each) for each in (mended["server_pid"], *mended["workers"].values()))
    assert room.shell("down").err.strip() == "nothing runs"


def _nobody_else_is_let_in(room: Room) -> None:
    """Neither the page of another web site, which a browser would let ask with leave, nor another user's processes."""

    def answered(origin: str, kind: str | None) -> tuple[int, str | None]:
        url, asks = f"http://127.0.0.1:{room.port}/api/flows/", {"origin": origin}
        if kind is None:  # what a browser asks first, unless it thinks that a form could have sent it
            asks |= {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
            request = urllib.request.Request(url, headers=asks, method="OPTIONS")
        else:
            request = urllib.request.Request(url, b'{"name": "evil"}', asks | {"content-type": kind}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["access-control-allow-origin"]
        except urllib.error.HTTPError as error:
            return error.code, error.headers["access-control-allow-origin"]

    own = f"http://localhost:{room.port}"
    assert answered(own, None) == (200, own)
    assert answered("https://evil.example", None) == (400, None)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert answered("https://evil.example", kind) == (422, None)
    assert room.prefect_home.stat().st_mode & 0o007 == 0


def _schedules_have_made_runs(room: Room, until: Callable[..., None]) -> None:
    scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    until(lambda: len(room.ask("/flow_runs/filter", scheduled)) >= 6, 90, lambda: room.log("server")[-3000:])


def _people_are_told(room: Room, got: list[Any], until: Callable[..., None]) -> None:
    event = {
        "occurred": datetime.now(UTC).isoformat(),
        "event": "nightwork.batch.aborted",
        "resource": {"prefect.resource.id": "nightwork.b-1.-"},
        "payload": {"text": "batch b-1: the budget is spent"},
        "id": "6d8a9d9e-6a0f-4d6e-9f3b-0f6b7b1f0001",
    }
    room.ask("/events", [event])
    until(lambda: got, 60, lambda: room.log("server")[-3000:])
    assert got == [{"subject": "nightwork: a batch was aborted", "body": "batch b-1: the budget is spent"}]


def _who_waits_is_reminded_of_once_for_each_time_and_not_when_it_is_decided(
    room: Room, got: list[Any], until: Callable[..., None]
) -> None:
    hurry(room, "nightwork: waits for 1 hour", 10)  # less is refused
    hurry(room, "nightwork: waits for 4 hours", 20)
    rejected = Decision(ticket="A-1", attempt=1, kind=Kind.REJECT)
    for ended in (decided_before(rejected), superseded()):
        room.set_state(_suspended(room, "decided"), ended.type.value, str(ended.name))
    run_id = _suspended(room, "open")
    until(lambda: sum("open waits" in each["subject"] for each in got) == 2, 90, lambda: str(got))
    assert [each["subject"] for each in got[1:]] == ["nightwork: open waits for you"] * 2
    room.set_state(run_id, "COMPLETED", "DecidedBefore")

    drifted = room.create("drift/drift", "drift", [])
    room.set_state(drifted, "FAILED", "Drifted", "3 of 4 specs")
    until(lambda: len(got) > 3, 60, lambda: str(got))
    assert got[3]["subject"] == "nightwork: module specs have drifted"
    assert got[3]["body"].startswith(f"{room.run(drifted)['parameters']['repo']}: 3 of 4 specs\n")
    got.clear()


def _suspended(room: Room, name: str) -> str:
    run_id = room.create("decision/decision", name, ["remind-1h"])
    room.set_state(run_id, "RUNNING", "Running")
    room.set_state(run_id, "PAUSED", "Suspended")
    return run_id


def _a_run_whose_machine_is_gone_is_found_and_goes_on(room: Room, until: Callable[..., None]) -> str:
    hurry(room, "nightwork: no sign of life", 12)
    run_id = room.start("overnight/overnight")
    until(lambda: room.run(run_id)["state_name"] == "Running", 90, lambda: room.log("worker-1")[-3000:])
    beats = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
    until(lambda: room.ask("/events/filter", beats)["events"], 60)
    engines = _children(room.pid("worker-1"))
    room.kill("worker-1")  # first, so that it cannot tell of the run's end
    for process_id in engines:
        os.kill(process_id, signal.SIGKILL)
    assert room.up()["done"] == ["worker-1: started"]  # `recover`, which finds the run, needs one
    until(lambda: room.run(run_id)["run_count"] == 2, 150, lambda: room.log("worker-1")[-3000:])
    hurry(room, "nightwork: no sign of life", 180)
    (crashed,) = [state for state in room.ask(f"/flow_run_states/?flow_run_id={run_id}") if state["type"] == "CRASHED"]
    assert crashed["message"].startswith("No sign of life")
    return run_id


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _agents_at_work(repo: Any) -> bool:
    return any((repo.path / ".nightwork" / "running").glob("*"))


def test_a_port_that_something_else_has_is_named_with_the_way_out(room: Room) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", room.port))
        taken.listen()
        ran = room.shell("up", "--port", str(room.port))
    assert ran.code == 2
    assert f"port {room.port}: something else listens there, or choose another port with --port" in ran.err
    assert room.shell("down").err.strip() == "nothing runs"


@pytest.mark.timeout(900)  # servers start one after the other
def test_a_server_that_somebody_else_keeps_is_offered_and_used_when_it_is_named(
    room: Room, server: str, command_line: Callable[..., Any], is_alive: Callable[[int], bool]
) -> None:
    port = server.removesuffix("/api").rpartition(":")[2]
    ran = room.shell("up", "--port", port)
    assert ran.code == 2
    assert f"use it with PREFECT_API_URL={server}" in ran.err
    elsewhere = Room(command_line(PREFECT_API_URL=server))
    found = elsewhere.up()
    assert (found["server_pid"], found["api"], list(found["workers"])) == (None, server, ["worker-1"])
    assert not (elsewhere.state / "server.pid").exists()
    assert elsewhere.up()["done"] == []
    assert elsewhere.shell("down", "--json").json() == {"ended": ["worker-1"]}
    assert urllib.request.urlopen(f"{server}/health", timeout=30).status == 200


def test_a_server_that_is_set_and_does_not_answer_is_told_of(command_line: Callable[..., Any]) -> None:
    ran = command_line(PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/api")("up")
    assert ran.code == 2
    assert "does not answer; start that server, or unset it" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--time-zone", "Mars/Olympus"), "--time-zone: is no time zone: 'Mars/Olympus'"),
        (("--repo", "/no/such/folder"), "/no/such/folder"),
        (("--repo", "https://x:0123456789abcdef@example.org/a.git"), "store it in a block and name `repository/NAME`"),
        (("--repo", "ext::sh -c true"), "is no address"),
        (("--port", "0"), "--port"),
        (("--schedule", "hourly"), "hourly"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(
    room: Room, arguments: tuple[str, ...], told: str
) -> None:
    ran = room.shell("up", *arguments)
    assert ran.code == 2
    assert told in ran.err.replace("\n", " ")
    assert not list(room.state.glob("*.pid"))


def test_a_database_that_cannot_be_used_is_told_of_and_left_as_it_is(room: Room) -> None:
    room.prefect_home.mkdir()
    path = room.prefect_home / "prefect.db"
    path.write_bytes(b"no database at all " * 400)
    ran = room.shell("up", "--port", str(room.port))
    assert (ran.code, "move it away to start with an empty one" in ran.err) == (3, True), ran.err
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('from2030')")
    before = path.read_bytes()
    ran = room.shell("up", "--port", str(room.port))
    assert (ran.code, "was written by a newer Prefect (schema from2030)" in ran.err) == (3, True), ran.err
    assert path.read_bytes() == before


def test_a_home_that_cannot_be_written_to_is_told_of(command_line: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = command_line(PREFECT_HOME=str(tmp_path / "file" / "home"))("up")
    assert ran.code == 3
    assert "set PREFECT_HOME to another folder" in ran.err


# The newest schema of Prefect 3.4, and a table that came after it.
OLDER = "8bb517bae6f9"


@pytest.mark.timeout(900)  # servers start one after the other
def test_a_killed_start_is_taken_up_again_and_an_older_database_is_copied_before_it_is_changed(
    room: Room, until: Callable[..., None]
) -> None:
    room.prefect_home.mkdir()
    database = room.prefect_home / "prefect.db"
    upgrade = ["-m", "prefect", "--no-prompt", "server", "database", "upgrade", "-y", "-r", OLDER]
    environment = {**room.shell.environment, "PREFECT_HOME": str(room.prefect_home)}
    subprocess.run([sys.executable, *upgrade], env=environment, cwd=room.shell.cwd, check=True, capture_output=True)
    assert _revision(database) == OLDER

    started = room.shell.start("up", "--port", str(room.port))
    until((room.state / "server.pid").exists, 90)
    started.process.kill()
    started.process.wait()

    found = room.up()
    assert "worker-1: started" in found["done"]
    assert _revision(database) != OLDER
    assert _revision(room.prefect_home / f"prefect.db.before-{prefect.__version__}") == OLDER
    assert room.shell("down").code == 0


def _revision(database: Path) -> str:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
