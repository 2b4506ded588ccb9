"""A place in a change that a person should look at, and the change as the looking needs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nightwork.change import ChangedFile, LineChanges
from nightwork.gates.judgement import Flag
from nightwork.gates.reports.untrusted import one_line

MAX_REMARKS = 40
MAX_OF_ONE_FLAG = 8


@dataclass(frozen=True)
class Remark:
    """One thing seen at one place; `line` counts from 1 and is 0 for a whole file."""

    flag: Flag
    path: str
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        place = one_line(self.path, 120) + (f":{self.line}" if self.line else "")
        return f"{self.flag}: {place} {one_line(self.text, 80)}".rstrip()


@dataclass(frozen=True)
class Edited:
    """One changed file; a source is None where there is none, `lines` where they were not compared."""

    file: ChangedFile
    before: bytes | None
    after: bytes | None
    lines: LineChanges | None

    @property
    def path(self) -> str:
        """Where the file stands after the change."""
        return self.file.path

    @property
    def is_new(self) -> bool:
        """Whether nothing stood at this path before."""
        return self.file.status[0] in "ACR"


def told(remarks: Iterable[Remark]) -> tuple[str, ...]:
    """Return the remarks as text, the first few of each flag, and how many there are more."""
    by_flag: dict[Flag, list[str]] = {}
    for remark in remarks:
        by_flag.setdefault(remark.flag, []).append(str(remark))
    shown: list[str] = []
    for flag, texts in by_flag.items():
        texts = list(dict.fromkeys(texts))
        shown += texts[:MAX_OF_ONE_FLAG]
        if len(texts) > MAX_OF_ONE_FLAG:
            shown.append(f"{flag}: {len(texts) - MAX_OF_ONE_FLAG} more")
    return tuple(shown[:MAX_REMARKS])
