"""Runs units through waves in children that are killed at a chosen instant, resumes them, and reports what came of it.

An instant is a file operation, an opened database or a connection, told by Python's audit events, or a call that the
provider gets. Usage: wave_driver.py FOLDER URL KEY FIRST STEP; prints JSON lines.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from spec_waves import Night, units

EVENTS = {"open", "os.rename", "os.remove", "sqlite3.connect", "socket.connect"}
COUNT = 8


def main(folder: Path, url: str, key: str, first: int, step: int) -> None:
    for instant in range(first, 1_000, step):
        place = folder / str(instant)
        place.mkdir(parents=True)
        killed = in_child(place, url, key, f"i{instant}x", instant)
        ended = in_child(place, url, key, f"i{instant}x", None) if killed else True
        night = Night(place, url, key)
        wanted = units(COUNT, f"i{instant}x")
        told = {
            "instant": instant,
            "killed": killed,
            "ended": not killed or not ended,
            "missing": [unit for unit in wanted if not night.spec(unit).exists()],
            "wrong": [unit for unit in wanted if night.spec(unit).read_text() != f"of {unit}"],
            "spent_usd": night.ledger.spent_usd("specs"),
            "open": night.open_reservations(),
            "left": len(list(night.journal.glob("*"))),
        }
        print(json.dumps(told), flush=True)
        if not killed:
            return


def in_child(place: Path, url: str, key: str, prefix: str, instant: int | None) -> bool:
    """Run in a child; returns whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            (place.parent / "pid").write_text(str(os.getpid()))
            if instant is not None:
                strike(instant)
            Night(place, url, key).run(units(COUNT, prefix))
        except BaseException:  # noqa: BLE001  a child never returns into its parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"the child failed at {instant}")
    return os.WIFSIGNALED(status)


def strike(instant: int) -> None:
    left = [instant]

    def count(event: str, _: object) -> None:
        if event in EVENTS:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
