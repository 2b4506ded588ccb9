"""Where the control room keeps what it knows of its processes: a folder of the user, one port, one lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nightwork.control.outliving import Outliving
from nightwork.errors import StateError, bad_input
from nightwork.files import write_atomically
from nightwork.state_home import state_home

DEFAULT_PORT = 4200
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Room:
    """The control room of a user on this machine."""

    folder: Path

    @property
    def server(self) -> Outliving:
        """The Prefect server."""
        return Outliving(self.folder, "server")

    def worker(self, number: int) -> Outliving:
        """Return one of the workers, counted from 1."""
        return Outliving(self.folder, f"worker-{number}")

    def workers(self) -> list[Outliving]:
        """Return the workers that live, by number."""
        notes = sorted(self.folder.glob("worker-*.pid"), key=lambda note: (len(note.name), note.name))
        found = [Outliving(self.folder, note.stem) for note in notes]
        return [each for each in found if each.pid() is not None]

    def port(self) -> int | None:
        """Return the port that the server was last told to take; None when there was none.

        Raises StateError when what is noted cannot be read.
        """
        path = self.folder / "room.json"
        try:
            return int(json.loads(path.read_text(encoding="utf-8"))["port"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(path, "is not what nightwork wrote", "remove it, then `nightwork up`") from error

    def keep_port(self, port: int) -> None:
        """Note the port before the server is started on it."""
        write_atomically(self.folder / "room.json", json.dumps({"port": port}) + "\n")

    def url(self) -> str | None:
        """Return the address of the server's API when its process lives."""
        port = self.port()
        return f"http://{_HOST}:{port}/api" if port is not None and self.server.pid() is not None else None

    @contextlib.contextmanager
    def locked(self, tell: Callable[[str], object]) -> Iterator[None]:
        """Be the only one who changes the room; waits for another who does."""
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell("another `nightwork up` or `nightwork down` is at work; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def open_room() -> Room:
    """Return the user's control room; its folder is made when it is missing, for nobody else to read.

    Raises BadInput where processes cannot be told apart, so that none could be ended safely.
    """
    if not sys.platform.startswith("linux"):
        told = (
            "keeps processes on Linux only; elsewhere start `prefect server start` and `prefect worker start` yourself"
        )
        raise bad_input(
            "the control room", f"{told}, then `nightwork up` with PREFECT_API_URL set makes the deployments"
        )
    folder = state_home() / "control-room"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return Room(folder)


def living_workers() -> list[Outliving]:
    """Return the workers of the control room that live; makes and refuses nothing."""
    with contextlib.suppress(OSError):
        return Room(state_home() / "control-room").workers()
    return []


def server_url() -> str | None:
    """Return the address of the API of the control room's server when it lives; makes and refuses nothing."""
    room = Room(state_home() / "control-room")
    with contextlib.suppress(StateError, OSError):
        return room.url()
    return None
