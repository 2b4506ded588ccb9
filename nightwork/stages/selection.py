"""Which of a tracker's tickets a batch takes, in which order, and why it takes no others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nightwork.batch import Earlier, Unready
from nightwork.errors import BadInput, Fault
from nightwork.manifest import Entry
from nightwork.markdown import printable, table
from nightwork.order import Expectation, Item, cycles, with_ranks
from nightwork.ticket import Priority, State, Ticket
from nightwork.tracker import Found
from nightwork.workspace import BRANCH_PREFIX


@dataclass
class Selection:
    """What intake decided about the tickets of a tracker, before anything is written."""

    admitted: list[Ticket] = field(default_factory=list)
    dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    earlier: dict[str, Earlier] = field(default_factory=dict)
    unready: list[Unready] = field(default_factory=list)
    left_out: list[Unready] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def refuse_if(self, strict: bool) -> None:
        """Raise BadInput with every reason when nothing is admitted, or when `strict` and anything is unready."""
        if self.admitted and not (strict and self.unready):
            return
        faults = [Fault(row.where, f"{row.ticket}: {reason}") for row in self.unready for reason in row.reasons]
        faults += [Fault(row.where, f"{row.ticket}: {reason}") for row in self.left_out for reason in row.reasons]
        raise BadInput(*(faults or [Fault("tickets", "there are none; write one, see docs/tickets.md")]))

    def is_empty(self) -> bool:
        """Say whether no ticket is taken."""
        return not self.admitted

    def told(self) -> str:
        """Return how many tickets are not in the batch, as people read it."""
        return f"{len(self.unready)} unready, {len(self.left_out)} left out"

    def markdown(self) -> str:
        """Return who is not in the batch, with every reason, as a Markdown table; empty when nobody is left out."""
        refused = [(row.ticket, "unready", "; ".join(row.reasons)) for row in self.unready]
        refused += [(row.ticket, "left out", "; ".join(row.reasons)) for row in self.left_out]
        return table(("ticket", "", "reasons"), refused) if refused else ""

    def text(self, batch_id: str) -> str:
        """Return what the batch would hold, as people read it: tickets in the order of work, then who is not in it."""
        lines = [f"batch {batch_id}: {len(self.admitted)} ticket{'s' * (len(self.admitted) != 1)}"]
        for ticket in self.admitted:
            after = f", after {', '.join(self.dependencies[ticket.id])}" if self.dependencies[ticket.id] else ""
            size = ticket.complexity or "not estimated"
            earlier = self.earlier.get(ticket.id)
            again = f", attempt {earlier.attempt}" if earlier and earlier.attempt > 1 else ""
            since = f", goes on from {earlier.unfinished_in}" if earlier and earlier.unfinished_in else ""
            lines.append(f"  {ticket.id}: {printable(ticket.title)} ({ticket.priority}, {size}{after}{again}{since})")
        for kind, rows in (("unready", self.unready), ("left out", self.left_out)):
            lines += [f"  {kind}: {row.ticket} ({row.where}): {'; '.join(row.reasons)}" for row in rows]
        lines += [f"  warning: {name}: {warning}" for name, warning in self.warnings]
        return "\n".join(lines)

    def as_json(self, batch_id: str) -> str:
        """Return the same as a JSON document."""
        rows = {"unready": self.unready, "left_out": self.left_out}
        document = {
            "batch_id": batch_id,
            "tickets": [Entry.of(t, self.dependencies[t.id]).model_dump(mode="json") for t in self.admitted],
            **{kind: [row.model_dump(mode="json") for row in found] for kind, found in rows.items()},
            "warnings": [{"ticket": name, "text": text} for name, text in self.warnings],
        }
        return json.dumps(document, indent=1, ensure_ascii=False)


def select(
    found: Found,
    max_tickets: int,
    earlier: dict[str, Earlier],
    foreign_branches: frozenset[str] = frozenset(),
    expected: Expectation | None = None,
) -> Selection:
    """Sort what a tracker holds into admitted (in the order of work), unready and left out."""
    selection = Selection()
    selection.unready += [
        Unready(ticket=Path(where).stem, where=where, reasons=_texts(faults)) for where, faults in found.unreadable
    ]
    places = {ticket.id: where for where, ticket in found.tickets}
    tickets = _unique(found, selection)
    cased = {name.casefold(): name for name in earlier}
    reasons = {ticket.id: _own_reasons(ticket, foreign_branches, cased) for ticket in tickets}
    _add_cycle_reasons(tickets, reasons)
    candidates = {ticket.id: ticket for ticket in tickets if not reasons[ticket.id]}
    for ticket in list(candidates.values()):
        why = earlier.get(ticket.id)
        if why and why.wait:
            del candidates[ticket.id]
            selection.left_out.append(Unready(ticket=ticket.id, where=places[ticket.id], reasons=(why.wait,)))
    done = {ticket.id for ticket in tickets if ticket.state is State.DONE}
    done |= {name for name, before in earlier.items() if before.is_merged}
    known = {ticket.id for _, ticket in found.tickets}
    waits = {row.ticket: row.reasons[0] for row in selection.left_out}
    for name, reason in _drop_unresolved(candidates, reasons, done, known, waits).items():
        selection.left_out.append(Unready(ticket=name, where=places[name], reasons=(reason,)))
    selection.unready += [
        Unready(ticket=ticket.id, where=places[ticket.id], reasons=tuple(reasons[ticket.id]))
        for ticket in tickets
        if reasons[ticket.id] and ticket.state is State.OPEN
    ]
    _admit(candidates, done, max_tickets, places, selection, expected or Expectation())
    selection.earlier = {ticket.id: earlier[ticket.id] for ticket in selection.admitted if ticket.id in earlier}
    selection.warnings = [(ticket.id, text) for ticket in selection.admitted for text in ticket.warnings()]
    return selection


def _unique(found: Found, selection: Selection) -> list[Ticket]:
    """Return the tickets whose id stands once, whatever its case; branches must differ on every file system."""
    groups: dict[str, list[tuple[str, Ticket]]] = defaultdict(list)
    for where, ticket in found.tickets:
        groups[ticket.id.casefold()].append((where, ticket))
    for group in groups.values():
        for where, ticket in group if len(group) > 1 else ():
            others = ", ".join(other for other, _ in group if other != where)
            reason = f"id {ticket.id!r} is also used by {others}; give each ticket an id of its own"
            selection.unready.append(Unready(ticket=ticket.id, where=where, reasons=(reason,)))
    return [group[0][1] for group in groups.values() if len(group) == 1]


def _own_reasons(ticket: Ticket, foreign_branches: frozenset[str], cased: dict[str, str]) -> list[str]:
    reasons = ticket.faults()
    known = cased.get(ticket.id.casefold(), ticket.id)
    if known != ticket.id:
        reasons.append(f"an earlier batch knows it as {known!r}; write its id so")
    branch = BRANCH_PREFIX + ticket.id
    if branch.casefold() in foreign_branches:
        reasons.append(f"branch {branch} exists and is not from a batch; rename or delete it")
    return reasons


def _add_cycle_reasons(tickets: Sequence[Ticket], reasons: dict[str, list[str]]) -> None:
    known = {ticket.id for ticket in tickets}
    graph = {t.id: [name for name in t.dependencies if name in known and name != t.id] for t in tickets}
    for cycle in cycles(graph):
        for name in cycle:
            reasons[name].append(f"dependencies form a cycle: {', '.join(cycle)}")


def _drop_unresolved(
    candidates: dict[str, Ticket], reasons: dict[str, list[str]], done: set[str], known: set[str], waits: dict[str, str]
) -> dict[str, str]:
    """Take out what depends on something that is neither done nor in the batch, until nothing more falls out.

    What depends only on tickets that wait (by id, each with its reason) waits with them: it comes back with a reason.
    """
    waiting: dict[str, str] = {}
    while True:
        fallen = {
            ticket.id: [name for name in ticket.dependencies if name not in done and name not in candidates]
            for ticket in candidates.values()
        }
        fallen = {name: missing for name, missing in fallen.items() if missing}
        if not fallen:
            return waiting
        for name, missing in fallen.items():
            del candidates[name]
            why = waits | waiting
            if all(other in why for other in missing):
                waiting[name] = f"waits for {missing[0]}: {why[missing[0]]}"
                continue
            reasons[name] += [f"depends on {other!r}, which {_state_of(other, why, known)}" for other in missing]


def _state_of(name: str, waits: dict[str, str], known: set[str]) -> str:
    if name in waits:
        return f"waits: {waits[name]}"
    return "is not ready" if name in known else "is unknown"


def _admit(
    candidates: dict[str, Ticket],
    done: set[str],
    max_tickets: int,
    places: dict[str, str],
    selection: Selection,
    expected: Expectation,
) -> None:
    ranks = list(Priority)
    dependencies = {
        ticket.id: tuple(name for name in dict.fromkeys(ticket.dependencies) if name not in done)
        for ticket in candidates.values()
    }
    items = [Item(t.id, dependencies[t.id], (ranks.index(t.priority),)) for t in candidates.values()]
    ranked = with_ranks(items, {t.id: expected.minutes(t.complexity) for t in candidates.values()})
    admitted: dict[str, None] = {}
    for item in sorted(ranked, key=lambda item: (item.rank, item.id)):
        needed = _needed(item.id, dependencies, admitted)
        if len(admitted) + len(needed) <= max_tickets:
            admitted.update(dict.fromkeys(needed))
    position = {item.id: number for number, item in enumerate(ranked)}
    names = sorted(admitted, key=lambda name: position[name])
    selection.admitted = [candidates[name] for name in names]
    selection.dependencies = {name: dependencies[name] for name in names}
    selection.left_out += [
        Unready(ticket=name, where=places[name], reasons=(f"queued: the batch takes at most {max_tickets} tickets",))
        for name in candidates
        if name not in admitted
    ]


def _needed(name: str, dependencies: dict[str, tuple[str, ...]], admitted: Container[str]) -> list[str]:
    """Return a ticket and all it depends on that is not admitted yet, each once."""
    needed = {name: None} if name not in admitted else {}
    frontier = list(needed)
    for current in frontier:
        fresh = [other for other in dependencies[current] if other not in needed and other not in admitted]
        needed.update(dict.fromkeys(fresh))
        frontier += fresh
    return list(needed)


def _texts(faults: Iterable[Fault]) -> tuple[str, ...]:
    return tuple(str(fault) for fault in faults)
