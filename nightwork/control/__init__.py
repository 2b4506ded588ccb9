"""What outlives the command that starts it: a machine's control room, a Prefect server and its workers, and runs.

Nothing here knows Prefect; flows.control does.
"""

from __future__ import annotations

from nightwork.control.detached import Detached, noted_runs, own_run
from nightwork.control.outliving import Outliving
from nightwork.control.room import DEFAULT_PORT, Room, open_room

__all__ = ["DEFAULT_PORT", "Detached", "Outliving", "Room", "noted_runs", "open_room", "own_run"]
