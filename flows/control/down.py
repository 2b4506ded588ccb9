"""Taking the control room down: workers first, so that the runs that they end can still tell the server of it."""

from __future__ import annotations

from flows.control import server, workers
from flows.control.server import Tell
from nightwork.control import Room
from nightwork.errors import Infrastructure

_SERVER_ENDS_WITHIN_S = 60.0


def take_down(room: Room, tell: Tell) -> list[str]:
    """End workers and server; returns what was ended, in order.

    Raises Infrastructure, with the server left up, when a run does not end.
    """
    with room.locked(tell):
        living = room.workers()
        if not workers.end(living, tell):
            pids = ", ".join(str(each.pid()) for each in living if each.pid())
            raise Infrastructure(
                "a worker", f"still waits for its runs; `nightwork down` again later, or end {pids} yourself"
            )
        has_server = room.server.pid() is not None
        if not server.ended([room.server], _SERVER_ENDS_WITHIN_S):
            raise Infrastructure("the Prefect server", f"does not end; end process {room.server.pid()} yourself")
        return [*(each.name for each in living), *(["server"] if has_server else [])]
