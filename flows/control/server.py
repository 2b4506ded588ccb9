"""The Prefect server of this machine: started when it does not run, after a look at its port and its database."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import prefect
from prefect.settings import get_current_settings

from flows.control import database
from flows.control.known import answers
from nightwork.control import DEFAULT_PORT, Outliving, Room
from nightwork.control.prefect_database import Schema, close_to_others, copy, examine, refuse_unwritable
from nightwork.database import ENVIRONMENT
from nightwork.errors import Infrastructure, bad_input
from nightwork.llm.credentials import API_KEY, AUTH_TOKEN
from nightwork.markdown import printable

Tell = Callable[[str], object]
_HOST = "127.0.0.1"
_STARTS_WITHIN_S = 180.0
_MIGRATES_WITHIN_S = 3600.0
_TOLD_EVERY_S = 15.0


def elsewhere(room: Room) -> str | None:
    """Return the address of a server that is set and is not the control room's.

    Raises BadInput when it does not answer.
    """
    url = get_current_settings().api.url
    port = room.port()
    if not url or (
        port is not None and url.rstrip("/") in {f"http://{host}:{port}/api" for host in (_HOST, "localhost")}
    ):
        return None
    if not answers(url):
        told = f"is {url!r}, which does not answer; start that server, or unset it for a server on this machine"
        raise bad_input("PREFECT_API_URL", told)
    return url


def ensure(room: Room, port: int | None, variables: Mapping[str, str], tell: Tell) -> bool:
    """Make the room's server run and answer; says whether it had to be started.

    Raises BadInput for a port that is taken, StateError for a database that it cannot use, Infrastructure when it does
    not come up.
    """
    if room.server.pid() is not None:
        if port not in {None, room.port()}:
            told = f"the server runs on port {room.port()}; `nightwork down` ends it, then it can take port {port}"
            raise bad_input("--port", told)
        _wait(room, _STARTS_WITHIN_S, tell)
        return False
    chosen = port or room.port() or DEFAULT_PORT
    _refuse_taken(chosen)
    patience_s = _ready_home(tell)
    room.keep_port(chosen)
    tell("starting the Prefect server, which takes about 10 s")
    command = [sys.executable, "-P", "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(chosen)]
    room.server.start(command, _variables(variables, chosen))
    _wait(room, patience_s, tell)
    return True


def _variables(variables: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the environment of the server, which needs no key of a model and no ledger.

    Prefect lets the pages of every web site use its API, which is to run code on this machine: here those of its own UI
    alone may, unless the environment names others.
    """
    kept = {name: value for name, value in variables.items() if name not in {API_KEY, AUTH_TOKEN, ENVIRONMENT}}
    own = ",".join(f"http://{host}:{port}" for host in (_HOST, "localhost"))
    address = database.patient()
    return {
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": own,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # One of 1,000 is not drawn within a minute, and the page that it stands on hangs as long (Prefect 3.8).
        "PREFECT_API_MAX_FLOW_RUN_GRAPH_NODES": "400",
        **kept,
        **({"PREFECT_SERVER_DATABASE_CONNECTION_URL": address} if address else {}),
        "PREFECT_API_URL": f"http://{_HOST}:{port}/api",
        "PREFECT_UI_URL": f"http://{_HOST}:{port}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
    }


def _refuse_taken(port: int) -> None:
    """Raise BadInput when something listens on a port, naming what to do."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((_HOST, port))
            return
    url = f"http://{_HOST}:{port}/api"
    if answers(url):
        told = f"a Prefect server that `nightwork up` did not start answers there; use it with PREFECT_API_URL={url}"
    else:
        told = "something else listens there"
    raise bad_input(f"port {port}", f"{told}, or choose another port with --port")


def _ready_home(tell: Tell) -> float:
    """Look at the server's home and database, copying one that will be changed; returns how long a start may take."""
    settings = get_current_settings()
    refuse_unwritable(settings.home)
    close_to_others(settings.home)
    path = database.path()
    if path is None:
        return _MIGRATES_WITHIN_S
    head, known = _revisions()
    if examine(path, head, known) is not Schema.OLDER:
        return _STARTS_WITHIN_S
    kept = path.with_name(f"{path.name}.before-{prefect.__version__}")
    tell(f"the database is of an older Prefect; a copy goes to {kept}; changing it may take minutes")
    copy(path, kept)
    return _MIGRATES_WITHIN_S


def _revisions() -> tuple[str, set[str]]:
    """Return the newest schema that the installed Prefect knows, and all that it knows."""
    from alembic.script import ScriptDirectory

    migrations = Path(prefect.__file__).parent / "server" / "database" / "_migrations"
    scripts = ScriptDirectory(str(migrations), version_locations=[str(migrations / "versions" / "sqlite")])
    known = {script.revision for script in scripts.walk_revisions()}
    (head,) = scripts.get_heads()
    return head, known


def _wait(room: Room, patience_s: float, tell: Tell) -> None:
    """Wait until the server answers; raises Infrastructure when it ends, with the reason in its log, or does not."""
    began, told = time.monotonic(), 0.0
    while True:
        url = room.url()
        if url is not None and answers(url):
            return
        waited = time.monotonic() - began
        if url is None and waited > 1.0:  # a process notes itself when it begins
            raise Infrastructure("the Prefect server", f"ended at its start: {reason(room.server)}")
        if waited > patience_s:
            raise Infrastructure(
                "the Prefect server", f"does not answer after {waited:.0f} s; its log: {room.server.log}"
            )
        if waited - told > _TOLD_EVERY_S:
            told = waited
            tell(f"the server is not ready yet ({waited:.0f} s)")
        time.sleep(0.2)


def reason(process: Outliving) -> str:
    """Return what a process said last of an error, and where all that it said is."""
    try:
        lines = process.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    spoken = [line for line in lines if line.strip() and not line.startswith((" ", "\t"))]
    errors = [line for line in spoken if "Error" in line or "error" in line.lower().split(":")[0]]
    return f"{printable((errors or spoken or ['it said nothing'])[-1])[:300]}; its log: {process.log}"


def ended(processes: Sequence[Outliving], patience_s: float) -> bool:
    """Ask processes to end and wait for all of them; says whether they have."""
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(process.pid() is not None for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
