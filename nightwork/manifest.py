"""The manifest of an overnight batch: the contract's keys (batch-pipeline.md, "Batch Manifest") and what goes beyond.

It tells people what a batch holds. The truth while a batch runs is its checkpoint; outcomes, verdicts and the status
here are rewritten from there.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from nightwork import yamlfile
from nightwork.duration import Duration
from nightwork.errors import BadInput, Fault
from nightwork.files import write_atomically
from nightwork.markdown import printable
from nightwork.order import Expectation, Item, cycles, with_ranks
from nightwork.outcome import Outcome, Verdict
from nightwork.settings import BatchSettings
from nightwork.ticket import Complexity, Priority, Ticket, TicketId

MAX_BYTES = 50_000_000  # 1,000 tickets with long lists of files; the file is nightwork's own


class BatchStatus(StrEnum):
    """How far a batch came."""

    PENDING = "pending"  # intake is done
    RUNNING = "running"  # tickets are worked on or judged
    COMPLETED = "completed"  # the gates have judged; a person's turn
    REVIEWED = "reviewed"  # nothing left to decide
    ABORTED = "aborted"  # ended early, everything kept; a resume goes back to running


class Config(BaseModel):
    """What bounds the batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tickets: int = Field(default=20, ge=1, le=1000)
    timeout_per_ticket: Duration
    parallel_agents: int = Field(default=3, ge=1, le=64)
    budget_usd: float | None = Field(default=None, ge=0)
    budget_per_ticket_usd: float | None = Field(default=None, ge=0)
    deadline: AwareDatetime | None = None

    @classmethod
    def of(cls, settings: BatchSettings) -> Config:
        """Make the bounds of a batch from the settings."""
        return cls(**settings.model_dump(include=set(cls.model_fields)))


class Entry(BaseModel):
    """One admitted ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: TicketId
    title: str
    priority: Priority = Priority.MEDIUM
    complexity: Complexity | None = None
    estimated_files: tuple[str, ...] = ()
    dependencies: tuple[TicketId, ...] = ()
    outcome: str = "pending"
    verdict: Verdict | None = None

    @classmethod
    def of(cls, ticket: Ticket, dependencies: tuple[str, ...]) -> Entry:
        """Make the entry of a ticket; `dependencies` are those that are in the same batch."""
        keys = {"id", "priority", "complexity", "estimated_files"}
        return cls(**ticket.model_dump(include=keys), title=printable(ticket.title), dependencies=dependencies)


class Manifest(BaseModel):
    """One overnight batch: what it holds, from which commit, within which bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    batch_id: TicketId
    created_at: AwareDatetime
    repository: str
    base: str = Field(description="the commit from which the branches start", pattern=r"^[0-9a-f]{40,64}$")
    config: Config
    tickets: tuple[Entry, ...]
    status: BatchStatus = BatchStatus.PENDING

    def items(self, expected: Expectation | None = None) -> list[Item]:
        """Return the tickets as the engine takes them, ranked by priority, longest expected chain, id."""
        expected, ranks = expected or Expectation(), list(Priority)
        items = [Item(e.id, e.dependencies, (ranks.index(e.priority),), e.estimated_files) for e in self.tickets]
        return with_ranks(items, {entry.id: expected.minutes(entry.complexity) for entry in self.tickets})

    def with_outcomes(self, outcomes: dict[str, Outcome], status: BatchStatus) -> Manifest:
        """Return the manifest with what the checkpoint says of its tickets."""
        entries = tuple(
            entry.model_copy(update={"outcome": outcomes[entry.id].label(), "verdict": outcomes[entry.id].verdict})
            for entry in self.tickets
        )
        return self.model_copy(update={"tickets": entries, "status": status})


def save_manifest(manifest: Manifest, path: Path) -> None:
    """Write the manifest, atomically, keys in the contract's order."""
    data = manifest.model_dump(mode="json")
    readable = not any(mark in manifest.model_dump_json() for mark in _LINE_BREAKS)
    text = yamlfile.dump(data, width=120, allow_unicode=readable)
    write_atomically(path, text)
    with _parsing, contextlib.suppress(BadInput):
        _keep(text, _checked(yamlfile.YamlFile(str(path), data, {})))


# Line breaks for YAML, which would not survive being written as they are.
_LINE_BREAKS = ("\x85", "\u2028", "\u2029")


def load_manifest(path: Path) -> Manifest:
    """Read a manifest; raises BadInput with all faults: unknown keys, bad values, duplicates, unknown or cyclic
    dependencies, each with its line."""
    text = yamlfile.read_text(path, limit=MAX_BYTES)
    with _parsing:
        if text not in _parsed:
            _keep(text, _checked(yamlfile.parse(text, str(path))))
        return _parsed[text]


# Each step of a ticket asks the manifest, and to parse 1,500 tickets takes a quarter of a second: what the newest texts
# hold is known by the texts themselves. The file is read each time.
_parsed: dict[str, Manifest] = {}
_parsing = threading.Lock()
_NEWEST = 4


def _keep(text: str, manifest: Manifest) -> None:
    _parsed[text] = manifest
    while len(_parsed) > _NEWEST:
        del _parsed[next(iter(_parsed))]


def _checked(file: yamlfile.YamlFile) -> Manifest:
    faults: list[Fault] = []
    try:
        manifest = yamlfile.validate(Manifest, file, file.data if file.data is not None else {})
    except BadInput as error:
        faults += error.faults
    faults += _graph_faults(file)
    if faults:
        raise BadInput(*faults)
    return manifest


def _graph_faults(file: yamlfile.YamlFile) -> Iterator[Fault]:
    """Say what is wrong with ids and dependencies, as far as they can be read."""
    tickets = file.data.get("tickets") if isinstance(file.data, dict) else None
    rows = [row if isinstance(row, dict) else {} for row in tickets] if isinstance(tickets, list) else []
    ids = [str(row.get("id")) for row in rows]
    counts = Counter(name.casefold() for name in ids)
    graph: dict[str, list[str]] = {}
    for index, row in enumerate(rows):
        if counts[ids[index].casefold()] > 1:
            yield Fault(
                file.where(("tickets", index, "id")),
                f"ticket {ids[index]!r} stands {counts[ids[index].casefold()]} times",
            )
        named = row.get("dependencies")
        dependencies = [str(name) for name in named] if isinstance(named, list) else []
        for place, name in enumerate(dependencies):
            if name not in ids:
                where = file.where(("tickets", index, "dependencies", place))
                yield Fault(where, f"dependencies names unknown ticket {name!r}; known: {_range(set(ids))}")
        graph[ids[index]] = [name for name in dependencies if name in ids]
    for cycle in cycles(graph):
        where = file.where(("tickets", ids.index(cycle[0]), "dependencies"))
        yield Fault(where, f"dependencies form a cycle: {' -> '.join([*cycle, cycle[0]])}")


def _range(known: set[str]) -> str:
    names = sorted(known)
    return ", ".join(map(repr, names)) if len(names) <= 4 else f"{names[0]!r} .. {names[-1]!r}"
