"""Stage 1: collect tickets, say which are ready and why the others are not, sequence them, write the manifest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nightwork.batch import Batch, Earlier, Intake, batches, check_disk, expectation
from nightwork.errors import bad_input
from nightwork.manifest import Config, Entry, Manifest
from nightwork.markdown import escape, table
from nightwork.settings import Settings
from nightwork.stages import gates
from nightwork.stages.earlier import earlier_attempts, give_up_to
from nightwork.stages.selection import Selection, select
from nightwork.tracker import open_tracker
from nightwork.workspace import BRANCH_PREFIX, Repository


def collect(repo: str, settings: Settings) -> Selection:
    """Decide which tickets the next batch of a repository takes; writes nothing."""
    repository = Repository(Path(repo))
    check_disk(repository.root, settings)
    found = open_tracker(settings.tickets, repository.root).fetch()
    _refuse_past_deadline(settings)
    tickets = {ticket.id: ticket for _, ticket in found.tickets}
    earlier = earlier_attempts(repository, repository.resolve(settings.base), tickets)
    foreign, expected = _foreign_branches(repository, earlier), expectation(repository.root)
    return select(found, settings.batch.max_tickets, earlier, foreign, expected)


def write_manifest(repo: str, batch_id: str, settings: Settings, selection: Selection) -> Manifest:
    """Write the batch that was selected and return its manifest."""
    repository, batch = Repository(Path(repo)), Batch(Path(repo), batch_id)
    batch.clear_half_made()
    manifest = Manifest(
        batch_id=batch_id,
        created_at=_now(repository.root),
        repository=repository.root.name,
        base=repository.resolve(settings.base),
        config=Config.of(settings.batch),
        tickets=tuple(Entry.of(ticket, selection.dependencies[ticket.id]) for ticket in selection.admitted),
    )
    intake = Intake(
        unready=tuple(selection.unready), left_out=tuple(selection.left_out), warnings=tuple(selection.warnings)
    )
    batch.keep_settings(settings)
    batch.create(manifest, selection.admitted, intake, selection.earlier)
    give_up_to(batch)
    return manifest


def measure_base(repo: str, batch_id: str) -> tuple[str, ...]:
    """Prepare the environment and run the gates on the base commit; returns, and notes, what is red there.

    Raises Infrastructure when the environment cannot be prepared.
    """
    batch = Batch(Path(repo), batch_id)
    batch.sandbox()
    red = gates.red_on_base(gates.baseline(batch, batch.manifest().base))
    batch.keep_intake(batch.intake().model_copy(update={"red_on_base": red}))
    return red


def _now(repository: Path) -> datetime:
    """Return the time, later than that of any batch even when a clock was set back: their order is their age."""
    now = datetime.now(UTC).replace(microsecond=0)
    known = [batch.manifest().created_at + timedelta(seconds=1) for batch in batches(repository)]
    return max([now, *known])


def _refuse_past_deadline(settings: Settings) -> None:
    deadline = settings.batch.deadline
    if deadline and deadline <= datetime.now(UTC):
        raise bad_input("batch.deadline", f"{deadline:%Y-%m-%d %H:%M %Z} is over; give a later one, or none")


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
    refused = Selection(unready=[*intake.unready], left_out=[*intake.left_out]).markdown()
    return "\n\n".join([*parts, refused] if refused else parts)


def _foreign_branches(repository: Repository, earlier: dict[str, Earlier]) -> frozenset[str]:
    """Return the branches, lower case, that have the name of a ticket's and were not made by a batch."""
    ours = {(BRANCH_PREFIX + name).casefold() for name in earlier}
    return frozenset(name.casefold() for name in repository.branches(BRANCH_PREFIX)) - ours
