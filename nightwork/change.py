"""What one attempt landed on its branch: the record that gates, review and the merge request are made from."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from nightwork.outcome import Status


class ChangedFile(BaseModel):
    """How one file differs: status A, M, D, R or T; lines are None for a binary file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    status: str
    added: int | None
    deleted: int | None
    old_path: str | None = None


@dataclass(frozen=True)
class LineChanges:
    """The lines of one file that differ: (line from 1, text) of those added, and the text of those removed."""

    added: tuple[tuple[int, str], ...] = ()
    removed: tuple[str, ...] = ()


class Change(BaseModel):
    """One commit of one attempt, on `parent`; the whole branch stands on `origin`, and `files` are its difference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    attempt: int
    title: str
    branch: str
    parent: str
    origin: str
    commit: str
    tree: str
    stacked_on: tuple[str, ...] = ()
    files: tuple[ChangedFile, ...] = ()
    status: Status = Status.COMPLETED
    remaining: tuple[str, ...] = ()

    def lines(self) -> tuple[int, int]:
        """Return the added and deleted lines."""
        return sum(file.added or 0 for file in self.files), sum(file.deleted or 0 for file in self.files)
