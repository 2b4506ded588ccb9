"""What a change holds that a person has to decide on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nightwork.agent.results import Trigger


class Standing(StrEnum):
    """What a person has said of a subject."""

    APPROVED = "approved"
    LEFT_OUT = "left_out"


@dataclass(frozen=True)
class Held:
    """One thing to decide on: why (`text`, one line), the file it stands in, and what exactly was seen.

    `seen` tells one question from another: what a person said of it holds while it is the same.
    """

    trigger: Trigger
    text: str
    seen: str
    path: str | None = None

    @property
    def subject(self) -> str:
        """A digest of what is asked, under which the answer is kept."""
        return hashlib.sha256(f"{self.trigger}\0{self.seen}".encode("utf-8", "replace")).hexdigest()[:24]


# By subject.
Said = Mapping[str, Standing]
