"""What stands on disk of batches of requests: a file each, from before money is reserved until the results are used."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from nightwork import records
from nightwork.ledger import Ledger


class Entry(BaseModel):
    """One request: its key, who pays for it, and the number of its reservation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    ticket: str
    stage: str
    number: int | None = None


class Sending(BaseModel):
    """One batch of requests by their custom ids; `above` is the newest number in the ledger before it was paid for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    account: str
    model: str
    at: AwareDatetime
    above: int
    entries: dict[str, Entry]
    batch: str = ""
    is_certain: bool = False  # False: found at the provider, and not yet seen to hold these requests
    not_ours: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return the keys of its requests."""
        return frozenset(entry.key for entry in self.entries.values())

    @property
    def is_reserved(self) -> bool:
        """Say whether its money was reserved, so that it may have been sent."""
        return all(entry.number is not None for entry in self.entries.values())


def reserved_numbers(folder: Path, ledger: Ledger) -> frozenset[int]:
    """Return the numbers of all reservations that batches under way will settle; see `Ledger.close_leftovers`."""
    return frozenset(number for sending in read(folder) for number in numbers_of(sending, ledger))


def numbers_of(sending: Sending, ledger: Ledger) -> frozenset[int]:
    """Return a batch's reservations; before they are written down, they are what its requests reserved since then."""
    if sending.is_reserved:
        return frozenset(entry.number for entry in sending.entries.values() if entry.number is not None)
    stages = {entry.stage for entry in sending.entries.values()}
    tickets = {entry.ticket for entry in sending.entries.values()}
    since = {n: t for stage in stages for n, t in ledger.reserved_since(sending.account, stage, sending.above).items()}
    return frozenset(number for number, ticket in since.items() if ticket in tickets)


def read(folder: Path) -> list[Sending]:
    """Return what stands in a folder, oldest first."""
    found = (records.load(Sending, path) for path in sorted(folder.glob("*.json")))
    return sorted((sending for sending in found if sending is not None), key=lambda each: each.at)


def path_of(folder: Path, sending: Sending) -> Path:
    """Return where a batch stands."""
    return folder / f"{sending.id}.json"
