"""The tries at one module: a folder each, with what it found, its conversations, and in the end what came of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import records
from nightwork.errors import StateError
from nightwork.outcome import Outcome
from nightwork.track.work import Story


class Ended(BaseModel):
    """What came of a try; `again` says that the same run tries once more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    story: Story
    again: bool = False


@dataclass(frozen=True)
class Tries:
    """All tries of one run at one module."""

    folder: Path

    def open(self) -> Path:
        """Return the folder of the try that is not over, or of a new one."""
        number = self._last()
        if number == 0 or (self._of(number) / "ended.json").exists():
            number += 1
        return self._of(number)

    def end(self, ended: Ended) -> None:
        """Keep what came of the try that is open; the next one begins with the files as they are then."""
        records.save(ended, self.open() / "ended.json")

    def last(self) -> Ended | None:
        """Return what came of the newest try that is over; None when none is."""
        for number in range(self._last(), 0, -1):
            if (found := records.load(Ended, self._of(number) / "ended.json")) is not None:
                return found
        return None

    def told(self) -> Ended | None:
        """Return what reports tell of the newest try that is over: nothing of one that cannot be read."""
        with contextlib.suppress(StateError):
            return self.last()
        return None

    def newest(self) -> Path | None:
        """Return the folder of the newest try; None when there was none."""
        return self._of(self._last()) if self._last() else None

    def _of(self, number: int) -> Path:
        return self.folder / f"try-{number}"

    def _last(self) -> int:
        numbers = [int(path.name[4:]) for path in self.folder.glob("try-*") if path.name[4:].isdecimal()]
        return max(numbers, default=0)
