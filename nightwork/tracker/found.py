"""What a tracker found."""

from __future__ import annotations

from dataclasses import dataclass

from nightwork.errors import Fault
from nightwork.ticket import Ticket


@dataclass(frozen=True)
class Found:
    """What a tracker holds: tickets with the place each was read from, and what could not be read."""

    tickets: tuple[tuple[str, Ticket], ...]
    unreadable: tuple[tuple[str, tuple[Fault, ...]], ...]
