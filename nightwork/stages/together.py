"""After the gates: which changes go together, and whether the tree of all that do passes the tests.

Merges are made in memory, no ref moves, and no agent runs here. What came of it is `together.json` in the batch's
folder, which is made anew when other commits or other gates are to be combined.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from nightwork import stop
from nightwork.batch import Batch
from nightwork.change import Change
from nightwork.engine import guarded
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import GateStatus
from nightwork.markdown import escape, fence, table
from nightwork.outcome import Outcome, Status, Verdict
from nightwork.review import words
from nightwork.review.document import QueueRow
from nightwork.review.queue import is_mergeable
from nightwork.stages import gates
from nightwork.stages.combining import Built, GateStep, Search, gate, stands_on, without_culprits
from nightwork.stages.review import document_of
from nightwork.together import Conflict, LeftOut, Together, merge_order, place, some, unproven_pairs
from nightwork.workspace import BRANCH_PREFIX, Repository

MAX_FILES = 5  # files that are told of a conflict
WIDEST = 12  # tickets in the table of conflicts; more are told as a list

# Part of the record's key: raise it when the same commits would be combined differently.
VERSION = 1

logger = logging.getLogger("nightwork.together")


def combine(batch: Batch, gate_step: GateStep = gate) -> Outcome:
    """Merge what goes together into one tree and run its tests, once for the same commits and gates.

    Trouble of the machine ends in the record and the outcome, never in an exception: the review comes all the same.
    """
    with stop.on_signals():
        outcome = guarded(lambda: _combine(batch, gate_step))
    if outcome.status is not Status.COMPLETED:
        _note_trouble(batch, outcome)
    return outcome


def is_due(batch: Batch) -> bool:
    """Say whether changes wait to be combined: never tried, or interrupted."""
    record = batch.together()
    return len(_passed(batch)) > 1 and (record is None or not record.key)


def _passed(batch: Batch) -> tuple[str, ...]:
    return tuple(name for name, outcome in batch.state().items.items() if outcome.verdict is Verdict.PASSED)


def _combine(batch: Batch, gate_step: GateStep) -> Outcome:
    started = time.monotonic()
    rows = _mergeable(batch)
    key, record = _key(batch, rows), batch.together()
    if record is None or record.key != key:
        stop.check()
        search = Search(batch, Repository(batch.repository), _changes(batch, rows), gate_step)
        record = _plan(search, [row.ticket for row in rows if row.verdict is Verdict.PASSED])
        batch.keep_together(record)
        took_s = round(time.monotonic() - started, 3)
        record = _tried(search, record).model_copy(update={"gate_runs": search.gate_runs, "duration_s": took_s})
        record = record.model_copy(update={"key": "" if search.could_not_compare() else key})
        batch.keep_together(record)
        logger.info("together: %s", record.summary())
    return Outcome(status=Status.COMPLETED, message=record.summary())


def _note_trouble(batch: Batch, outcome: Outcome) -> None:
    """Keep what was found before the trouble, and say what it was."""
    record = batch.together()
    if record is None or record.key:
        record = Together(key="", base=batch.manifest().base, candidates=_passed(batch))
    batch.keep_together(record.model_copy(update={"detail": f"{outcome.message}; `nightwork resume` tries again"}))
    logger.warning("together: %s: %s", outcome.label(), outcome.message)


def _mergeable(batch: Batch) -> list[QueueRow]:
    """Return the changes that could be merged as they are, approved ones first, then as the queue has them."""
    rows = [row for row in document_of(batch).queue if is_mergeable(row)]
    return sorted(rows, key=lambda row: row.decision is None)


def _key(batch: Batch, rows: Sequence[QueueRow]) -> str:
    changes = sorted(f"{row.ticket} {row.commit} {row.verdict} {row.decision}" for row in rows)
    return gates.result_key(batch, ".together", str(VERSION), *changes)


def _changes(batch: Batch, rows: Sequence[QueueRow]) -> dict[str, Change]:
    found = {row.ticket: batch.change(row.ticket, row.attempt) for row in rows}
    return {ticket: change for ticket, change in found.items() if change}


def _plan(search: Search, passed: Sequence[str]) -> Together:
    """Find out who conflicts with whom and with the base, and choose the merge order."""
    changes = search.changes
    conflicts, unfit = _conflicts(search)
    stacks = {ticket: change.stacked_on for ticket, change in changes.items()}
    order = merge_order([name for name in passed if name not in unfit], [each.tickets for each in conflicts], stacks)
    reasons = {name: unfit.get(name) or _why_left_out(changes[name], order, conflicts) for name in passed}
    return Together(
        key="",
        base=search.base,
        commits={ticket: change.commit for ticket, change in changes.items()},
        candidates=tuple(passed),
        conflicts=conflicts,
        order=tuple(order),
        left_out=tuple(LeftOut(ticket=name, reason=reasons[name]) for name in passed if name not in order),
        detail="interrupted; `nightwork resume` tries again",
    )


def _conflicts(search: Search) -> tuple[tuple[Conflict, ...], dict[str, str]]:
    """Return the pairs that conflict, and the changes that conflict with the base, with why; all from one git run."""
    changes = list(search.changes.values())
    pairs = unproven_pairs(changes)
    elsewhere = [change for change in changes if change.parent != search.base]
    asked = [(one.commit, other.commit) for one, other in pairs]
    merges = search.repository.merge_all([*asked, *((search.base, change.commit) for change in elsewhere)])
    conflicts = tuple(
        Conflict(tickets=(one.ticket, other.ticket), files=merge.conflicts[:MAX_FILES], count=len(merge.conflicts))
        for (one, other), merge in zip(pairs, merges, strict=False)
        if not merge.is_clean
    )
    unfit = {
        change.ticket: f"conflicts with the base commit in {place(merge.conflicts)}"
        for change, merge in zip(elsewhere, merges[len(pairs) :], strict=True)
        if not merge.is_clean
    }
    return conflicts, unfit


def _why_left_out(change: Change, order: Sequence[str], conflicts: Sequence[Conflict]) -> str:
    for conflict in conflicts:
        if conflict.rival_of(change.ticket) in order:
            return f"conflicts with {conflict.rival_of(change.ticket)} in {conflict.place()}"
    missing = [name for name in change.stacked_on if name not in order]
    return stands_on(missing) if missing else "conflicts with what it stands on"


def _tried(search: Search, plan: Together) -> Together:
    """Build the combined tree, run its tests, and take out who breaks them."""
    if len(plan.candidates) < 2:
        return plan.model_copy(update={"detail": ""})
    search.rivals = {
        name: {rival for each in plan.conflicts if (rival := each.rival_of(name))} for name in plan.candidates
    }
    built = search.extend(Built((search.base,), left_out=plan.left_out), plan.order)
    if not any(gate.measures is Measure.TESTS for gate in search.settings.gates):
        return _with(plan, built, status=GateStatus.NOT_RUN, detail="no gate measures tests")
    found = without_culprits(search, built)
    return _with(
        plan,
        found.built,
        culprits=found.culprits,
        status=found.status,
        detail=found.detail,
        tests_passed=found.tests_passed,
    )


def _with(plan: Together, built: Built, **known: object) -> Together:
    merged = {"order": built.order, "left_out": built.left_out, "commit": built.commits[-1]}
    return plan.model_copy(update={**merged, **known})


def results(batch: Batch) -> str:
    """Return what came of combining the changes of a batch, as Markdown."""
    record = batch.together()
    if record is None:
        return "# Together\n\nNot tried."
    commands = "\n".join(f"git merge --no-ff {BRANCH_PREFIX}{ticket}" for ticket in record.order)
    culprits = [(each.ticket, each.detail, some(each.tests)) for each in record.culprits]
    parts = [
        f"# Together: {escape(words.line(record.summary(), 400))}",
        f"Base `{record.base[:12]}`" + (f", combined commit `{record.commit[:12]}`" if record.commit else "") + ".",
        f"Merge in this order:\n\n{fence(commands, 'sh')}" if record.order else "",
        _titled("Break the tests of those before them", ("ticket", "gates", "tests"), culprits),
        _titled("Left out", ("ticket", "why"), [(each.ticket, each.reason) for each in record.left_out]),
        _matrix(record),
    ]
    return "\n\n".join(part for part in parts if part)


def _titled(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [[words.line(cell, 400) for cell in row] for row in rows]
    return f"## {title}\n\n{table(headers, cells)}" if cells else ""


def _matrix(record: Together) -> str:
    """Return who conflicts with whom: as a matrix while it is small, else pair by pair."""
    involved = {ticket for conflict in record.conflicts for ticket in conflict.tickets}
    names = [ticket for ticket in record.commits if ticket in involved]
    if not names:
        return f"No two of the {len(record.commits)} changes conflict." if len(record.commits) > 1 else ""
    files = {conflict.tickets: conflict.place() for conflict in record.conflicts}
    if len(names) > WIDEST:
        return _titled("Conflicts", ("ticket", "with", "in"), [(*pair, text) for pair, text in files.items()])
    return _titled("Conflicts", ("", *map(escape, names)), [(name, *_cells(name, names, files)) for name in names])


def _cells(name: str, names: Iterable[str], files: Mapping[tuple[str, str], str]) -> list[str]:
    return [files.get((name, other)) or files.get((other, name), "") for other in names]
