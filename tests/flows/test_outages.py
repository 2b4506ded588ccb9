"""A server that goes away in the middle of a night: what is counted and told there holds up no work, and ends none."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings

from flows.overnight import overnight
from flows.wiring import slots
from flows.wiring.outages import OUTLASTING
from nightwork import stop
from nightwork.batch import batches
from nightwork.errors import Stopped
from nightwork.outcome import Status

pytestmark = pytest.mark.usefixtures("server")


class Wire:
    """What leads to a server, until it is cut: then nobody answers at its address."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._open: set[socket.socket] = set()
        self.port = 0
        self.mend()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", self._there))
                self._open |= {here, there}
                for source, target in ((here, there), (there, here)):
                    threading.Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def wire() -> Iterator[Wire]:
    url = get_current_settings().api.url
    assert url is not None
    there, _, _ = url.rpartition("/")
    found = Wire(int(there.rpartition(":")[2]))
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{found.port}/api"}):
        yield found
    found.cut()
    found.mend()  # what Prefect has not sent yet is sent at the end of all tests


@pytest.fixture
def limit() -> Iterator[str]:
    """A limit of a name of its own: Prefect keeps one client for each name, with the address that it first had."""
    name = f"agents-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        yield name
        client.delete_global_concurrency_limit_by_name(name)


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_LOOK_AGAIN_S", 0.5)
    monkeypatch.setattr(slots, "_AWAY_FOR_S", 1.0)
    monkeypatch.setattr(slots, "_RETRIES", 0)


def test_an_agent_works_without_a_slot_when_nobody_counts_them(limit: str, wire: Wire, in_a_hurry: None) -> None:
    wire.cut()
    with slots.slot(limit):
        pass
    with slots.slot(limit):
        pass


def test_what_came_of_a_ticket_is_not_lost_with_its_slot(limit: str, wire: Wire, in_a_hurry: None) -> None:
    with slots.slot(limit):
        wire.cut()


def test_a_taken_slot_is_waited_for_as_long_as_the_server_answers(limit: str, wire: Wire, in_a_hurry: None) -> None:
    taken, given_back = threading.Event(), threading.Event()

    def hold() -> None:
        with slots.slot(limit):
            taken.set()
            given_back.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(60)
        threading.Timer(3.0, stop.request, ["a test"]).start()  # three times as long as a server is waited for
        with pytest.raises(Stopped), slots.slot(limit):
            pass
    finally:
        stop.reset()
        given_back.set()
        holder.join()


def test_a_night_goes_on_when_its_server_is_started_anew(
    wire: Wire, make_repository: Callable[..., Path], tmp_path: Path
) -> None:
    cut, mended = tmp_path / "cut", tmp_path / "mended"
    until_mended = f"touch {cut}; while [ ! -e {mended} ]; do sleep 0.1; done"
    script: dict[str, dict[str, list[object]]] = {
        "A": {
            "C2": [
                [{"run": {"command": ["sh", "-c", until_mended]}}],
                [{"edit": {"path": "A.txt", "old": "", "new": "new\n"}}],
                [{"submit_work": {"summary": "add it", "changes": ["add a file"]}}],
            ]
        }
    }
    root = make_repository({"A": {}, "B": {}}, script, sandbox={"confine": False})

    def be_away() -> None:
        while not cut.exists():
            time.sleep(0.1)
        wire.cut()
        time.sleep(4.0)
        mended.touch()  # the ticket ends, and is told of, while nobody answers
        time.sleep(4.0)
        wire.mend()

    away = threading.Thread(target=be_away)
    away.start()
    assert overnight(str(root), return_state=True).is_completed()
    away.join()
    (batch,) = batches(root)
    assert {outcome.status for outcome in batch.state().items.values()} == {Status.COMPLETED}


def test_runs_wait_for_their_server_for_a_quarter_of_an_hour_wherever_they_are_started() -> None:
    tries = int(OUTLASTING["PREFECT_CLIENT_MAX_RETRIES"])
    assert sum(2**number for number in range(1, tries + 1)) >= 15 * 60
    root = Path(__file__).parents[2]
    pool = yaml.safe_load((root / "prefect.yaml").read_text())["definitions"]["pool"]
    worker = yaml.safe_load((root / "deployments" / "compose.yaml").read_text())["services"]["worker"]
    for variables in (pool["job_variables"]["env"], worker["environment"]):
        assert OUTLASTING.items() <= variables.items()
