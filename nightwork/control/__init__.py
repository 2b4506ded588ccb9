"""The control room of a machine: a Prefect server and its workers, which outlive the command that starts them.

Nothing here knows Prefect; flows.control does.
"""

from __future__ import annotations

from nightwork.control.outliving import Outliving
from nightwork.control.room import DEFAULT_PORT, Room, open_room

__all__ = ["DEFAULT_PORT", "Outliving", "Room", "open_room"]
