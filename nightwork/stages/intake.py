"""Stage 1: collect tickets, say which are ready and why the others are not, sequence them, write the manifest."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from nightwork.batch import Batch, Carried, Intake, TicketRef, Unready, batches, check_disk
from nightwork.decision import Kind
from nightwork.errors import BadInput, Fault, StateError
from nightwork.manifest import Config, Entry, Manifest
from nightwork.markdown import escape, printable, table
from nightwork.order import Item, cycles, expected_minutes, with_ranks
from nightwork.outcome import Outcome, Status
from nightwork.settings import Settings
from nightwork.stages import gates
from nightwork.ticket import Priority, State, Ticket
from nightwork.tracker import Found, open_tracker
from nightwork.workspace import BRANCH_PREFIX, Repository


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

    def text(self, batch_id: str) -> str:
        """Return what the batch would hold, as people read it: tickets in the order of work, then who is not in it."""
        lines = [f"batch {batch_id}: {len(self.admitted)} ticket{'s' * (len(self.admitted) != 1)}"]
        for ticket in self.admitted:
            after = f", after {', '.join(self.dependencies[ticket.id])}" if self.dependencies[ticket.id] else ""
            size = ticket.complexity or "not estimated"
            earlier = self.earlier.get(ticket.id)
            again = f", attempt {earlier.attempt}" if earlier and earlier.attempt > 1 else ""
            lines.append(f"  {ticket.id}: {printable(ticket.title)} ({ticket.priority}, {size}{after}{again})")
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


@dataclass(frozen=True)
class Earlier:
    """What earlier batches hold of one ticket: the number of its next attempt, and why it must not run yet."""

    attempt: int
    wait: str | None = None
    carried: Carried | None = None


def collect(repo: str, settings: Settings) -> Selection:
    """Decide which tickets the next batch of a repository takes; writes nothing."""
    repository = Repository(Path(repo))
    check_disk(repository.root, settings)
    found = open_tracker(settings.tickets, repository.root).fetch()
    earlier = earlier_attempts(repository)
    return select(found, settings.batch.max_tickets, earlier, _foreign_branches(repository, earlier))


def write_manifest(repo: str, batch_id: str, settings: Settings, selection: Selection) -> Manifest:
    """Write the batch that was selected and return its manifest."""
    repository, batch = Repository(Path(repo)), Batch(Path(repo), batch_id)
    now = datetime.now(UTC).replace(microsecond=0)
    manifest = Manifest(
        batch_id=batch_id,
        created_at=now,
        repository=repository.root.name,
        base=repository.resolve(settings.base),
        config=Config.of(settings.batch),
        tickets=tuple(Entry.of(ticket, selection.dependencies[ticket.id]) for ticket in selection.admitted),
    )
    attempts = {name: earlier.attempt for name, earlier in selection.earlier.items()}
    carried = {name: earlier.carried for name, earlier in selection.earlier.items() if earlier.carried}
    intake = Intake(
        unready=tuple(selection.unready), left_out=tuple(selection.left_out), warnings=tuple(selection.warnings)
    )
    batch.keep_settings(settings)
    batch.create(manifest, selection.admitted, intake, attempts, carried)
    return manifest


def measure_base(repo: str, batch_id: str) -> tuple[str, ...]:
    """Prepare the environment and run the gates on the base commit; returns, and notes, what is red there.

    Raises Infrastructure when the environment cannot be prepared.
    """
    batch = Batch(Path(repo), batch_id)
    ref = TicketRef(repo, batch_id, batch.state().run_id, "base")
    batch.sandbox()
    red = gates.red_on_base(gates.baseline(ref, batch.manifest().base))
    batch.keep_intake(batch.intake().model_copy(update={"red_on_base": red}))
    return red


def manifest_table(batch: Batch) -> str:
    """Return the manifest as a Markdown table, what is red on the base first, the unready tickets last."""
    manifest, intake = batch.manifest(), batch.intake()
    rows = [
        (e.id, e.title, e.priority, e.complexity or "", ", ".join(e.dependencies), ", ".join(e.estimated_files))
        for e in manifest.tickets
    ]
    parts = [f"# {manifest.batch_id}", f"Base `{manifest.base[:12]}`, {len(rows)} tickets."]
    parts += [f"Red on the base: {escape(text)}" for text in intake.red_on_base]
    parts += [table(("ticket", "title", "priority", "complexity", "depends on", "files"), rows)]
    refused = [(row.ticket, "unready", "; ".join(row.reasons)) for row in intake.unready]
    refused += [(row.ticket, "left out", "; ".join(row.reasons)) for row in intake.left_out]
    parts += [table(("ticket", "", "reasons"), refused)] if refused else []
    return "\n\n".join(parts)


def select(
    found: Found, max_tickets: int, earlier: dict[str, Earlier], foreign_branches: frozenset[str] = frozenset()
) -> Selection:
    """Sort what a tracker holds into admitted (in the order of work), unready and left out."""
    selection = Selection()
    selection.unready += [
        Unready(ticket=Path(where).stem, where=where, reasons=_texts(faults)) for where, faults in found.unreadable
    ]
    places = {ticket.id: where for where, ticket in found.tickets}
    tickets = _unique(found, selection)
    reasons = {ticket.id: _own_reasons(ticket, foreign_branches) for ticket in tickets}
    _add_cycle_reasons(tickets, reasons)
    candidates = {ticket.id: ticket for ticket in tickets if not reasons[ticket.id]}
    for ticket in list(candidates.values()):
        why = earlier.get(ticket.id)
        if why and why.wait:
            del candidates[ticket.id]
            selection.left_out.append(Unready(ticket=ticket.id, where=places[ticket.id], reasons=(why.wait,)))
    done = {ticket.id for ticket in tickets if ticket.state is State.DONE}
    known = {ticket.id for _, ticket in found.tickets}
    _drop_unresolved(candidates, reasons, done, known)
    selection.unready += [
        Unready(ticket=ticket.id, where=places[ticket.id], reasons=tuple(reasons[ticket.id]))
        for ticket in tickets
        if reasons[ticket.id] and ticket.state is State.OPEN
    ]
    _admit(candidates, done, max_tickets, places, selection)
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


def _own_reasons(ticket: Ticket, foreign_branches: frozenset[str]) -> list[str]:
    reasons = ticket.faults()
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
    candidates: dict[str, Ticket], reasons: dict[str, list[str]], done: set[str], known: set[str]
) -> None:
    """Take out what depends on something that is neither done nor in the batch, until nothing more falls out."""
    while True:
        fallen = {
            ticket.id: [name for name in ticket.dependencies if name not in done and name not in candidates]
            for ticket in candidates.values()
        }
        fallen = {name: missing for name, missing in fallen.items() if missing}
        if not fallen:
            return
        for name, missing in fallen.items():
            del candidates[name]
            reasons[name] += [
                f"depends on {other!r}, which is {'not ready' if other in known else 'unknown'}" for other in missing
            ]


def _admit(
    candidates: dict[str, Ticket], done: set[str], max_tickets: int, places: dict[str, str], selection: Selection
) -> None:
    ranks = list(Priority)
    dependencies = {
        ticket.id: tuple(name for name in dict.fromkeys(ticket.dependencies) if name not in done)
        for ticket in candidates.values()
    }
    items = [Item(t.id, dependencies[t.id], (ranks.index(t.priority),)) for t in candidates.values()]
    ranked = with_ranks(items, {t.id: expected_minutes(t.complexity) for t in candidates.values()})
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


def earlier_attempts(repository: Repository) -> dict[str, Earlier]:
    """Return what earlier batches say of each ticket, the newest batch last."""
    found: dict[str, Earlier] = {}
    for batch in batches(repository.root):
        for name, outcome in batch.state().items.items():
            found[name] = _earlier(batch, name, outcome)
    return found


def _earlier(batch: Batch, name: str, outcome: Outcome) -> Earlier:
    status, attempt = outcome.status, outcome.attempt
    decision, before = batch.decisions.verdict_on(name, attempt), batch.carried(name)
    if outcome.has_landed():
        if decision is None:
            return Earlier(attempt, wait=f"its merge request in {batch.id} waits for a decision")
        if decision.kind is Kind.APPROVE:
            return Earlier(attempt, wait=f"its merge request in {batch.id} is approved; merge it and close the ticket")
        if decision.kind is Kind.REJECT:
            return Earlier(
                attempt, wait=f"its merge request in {batch.id} was rejected; change the ticket's id to try anew"
            )
        change = batch.change(name, attempt)
        if change is None:
            raise StateError(batch.folder, f"{name} is decided on but has no change", "decide on it by hand")
        comments = (*(before.comments if before else ()), decision.message)
        return Earlier(attempt + 1, carried=Carried(head=change.commit, origin=change.origin, comments=comments))
    if status is Status.ESCALATED:
        return Earlier(
            attempt, wait=f"its escalation in {batch.id} waits; `nightwork answer`, then `nightwork resume {batch.id}`"
        )
    if status is Status.FAILED:
        return Earlier(attempt, wait=f"failed in {batch.id}; `nightwork resume {batch.id} --retry-failed` tries again")
    if status in {Status.PENDING, Status.RUNNING, Status.ABORTED}:
        return Earlier(attempt, wait=f"is not finished in {batch.id}; `nightwork resume {batch.id}` goes on")
    return Earlier(attempt, carried=before)


def _foreign_branches(repository: Repository, earlier: dict[str, Earlier]) -> frozenset[str]:
    """Return the branches, lower case, that have the name of a ticket's and were not made by a batch."""
    ours = {(BRANCH_PREFIX + name).casefold() for name in earlier}
    return frozenset(name.casefold() for name in repository.branches(BRANCH_PREFIX)) - ours
