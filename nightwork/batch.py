"""A batch on disk: the folder `.nightwork/batches/<id>/` of the target repository, and what stands where in it.

`.nightwork/` ignores itself, so that the user's `git status` never shows it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from nightwork import environment, records
from nightwork.agent import check_agent
from nightwork.agent.results import Escalation
from nightwork.change import Change
from nightwork.checkpoint import BatchState, load_checkpoint, save_checkpoint
from nightwork.decision import Decision, DecisionLog
from nightwork.errors import Infrastructure, StateError, bad_input
from nightwork.files import write_atomically
from nightwork.gates.judgement import Judgement
from nightwork.manifest import BatchStatus, Config, Manifest, load_manifest, save_manifest
from nightwork.sandbox import Sandbox, open_sandbox
from nightwork.settings import RunOptions, Settings
from nightwork.settings import load as load_settings
from nightwork.ticket import Ticket, check_id
from nightwork.workspace import Repository


class Attempt(BaseModel):
    """One passage C0..C2 of a ticket.

    `parent` is the commit that the attempt goes on from; `origin` the one on which the branch as a whole stands, with
    which the gates compare; `head` is where the branch points until the attempt lands, None when there is none yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    number: int
    parent: str
    origin: str
    head: str | None = None
    stacked_on: tuple[str, ...] = ()
    opened_at: AwareDatetime


class Carried(BaseModel):
    """What a ticket brings from an earlier batch in which changes were requested: its branch, and what was said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str
    origin: str
    comments: tuple[str, ...]


class EscalationRecord(BaseModel):
    """The newest escalation of a ticket; `number` counts those of the attempt from 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    attempt: int
    number: int
    escalation: Escalation


class Unready(BaseModel):
    """A ticket that was not admitted, and every reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    where: str
    reasons: tuple[str, ...]


class Intake(BaseModel):
    """What stage 1 decided, beside the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unready: tuple[Unready, ...] = ()
    left_out: tuple[Unready, ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    red_on_base: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """One overnight batch of one repository."""

    repository: Path
    id: str

    @property
    def state_folder(self) -> Path:
        """Everything that nightwork keeps for the repository."""
        return self.repository / ".nightwork"

    @property
    def folder(self) -> Path:
        """Everything that nightwork keeps for this batch."""
        return self.state_folder / "batches" / self.id

    @property
    def decisions(self) -> DecisionLog:
        """What people decided."""
        return DecisionLog(self.folder / "decisions.jsonl")

    def attempt_folder(self, ticket: str, number: int) -> Path:
        """The folder of one attempt: trajectory, change, judgement."""
        return self.ticket_folder(ticket) / f"attempt-{number}"

    def ticket_folder(self, ticket: str) -> Path:
        """The folder of one ticket: its text as it was at intake, and its attempts."""
        return self.folder / "tickets" / ticket

    def worktree(self, ticket: str) -> Path:
        """The workspace of a ticket's agent."""
        return self.state_folder / "worktrees" / ticket / "agent"

    def checkout(self, ticket: str) -> Path:
        """The clean checkout in which the gates judge a ticket."""
        return self.state_folder / "worktrees" / ticket / "gates"

    def exists(self) -> bool:
        """Say whether intake has made this batch."""
        return (self.folder / "manifest.yaml").exists()

    def create(
        self,
        manifest: Manifest,
        tickets: Iterable[Ticket],
        intake: Intake,
        attempts: Mapping[str, int],
        carried: Mapping[str, Carried],
    ) -> None:
        """Write a new batch; `attempts` and `carried` tell of tickets that earlier batches have worked on.

        The manifest comes last, so that a half-written batch is none.
        """
        ignore_state(self.repository)
        for ticket in tickets:
            records.save(ticket, self.folder / "tickets" / ticket.id / "ticket.json")
        self.keep_intake(intake)
        state = BatchState.new("overnight", self.id, [entry.id for entry in manifest.tickets])
        for name, attempt in attempts.items():
            state.items[name] = state.items[name].with_(attempt=attempt)
        for name, brought in carried.items():
            records.save(brought, self.folder / "tickets" / name / "carried.json")
        save_checkpoint(state, self.folder / "checkpoint.json")
        save_manifest(manifest, self.folder / "manifest.yaml")

    def manifest(self) -> Manifest:
        """Read the manifest; raises BadInput when there is no such batch or the file is faulty."""
        if not self.exists():
            known = ", ".join(other.id for other in batches(self.repository)[-5:]) or "none"
            raise bad_input(f"batch {self.id!r}", f"no such batch in {self.repository.name}; known: {known}")
        return load_manifest(self.folder / "manifest.yaml")

    def state(self) -> BatchState:
        """Read the checkpoint; raises StateError when it is missing, corrupt or another batch's."""
        path = self.folder / "checkpoint.json"
        state = load_checkpoint(path)
        if state is None:
            raise StateError(path, "is missing", "the batch cannot be resumed; start a new one")
        if (state.kind, state.batch_id) != ("overnight", self.id):
            found = f"belongs to {state.kind} batch {state.batch_id!r}, not to {self.id!r}"
            raise StateError(path, found, "move it back to where it belongs; nothing was changed")
        return state

    def save(self, state: BatchState) -> None:
        """Write the checkpoint, which is the truth."""
        save_checkpoint(state, self.folder / "checkpoint.json")

    def tell_manifest(self, state: BatchState, status: BatchStatus) -> None:
        """Rewrite outcomes and status of the manifest from the checkpoint."""
        save_manifest(self.manifest().with_outcomes(state.items, status), self.folder / "manifest.yaml")

    def sandbox(self) -> Sandbox:
        """Return the sandbox in which agents and gates run, with the environment that the settings ask for.

        It is prepared when it is not there. Raises Infrastructure when that fails.
        """
        wanted = self.settings().environment
        if not wanted.setup:
            return open_sandbox(self.state_folder)
        prepared = environment.prepare(Repository(self.repository), wanted, self.manifest().base)
        return open_sandbox(self.state_folder, prepared)

    def settings(self) -> Settings:
        """Return the settings with which the running stage was started."""
        path = self.folder / "settings.json"
        settings = records.load(Settings, path)
        if settings is None:
            raise StateError(path, "is missing", "resume the batch, which writes it anew")
        return settings

    def keep_settings(self, settings: Settings) -> None:
        """Write down the settings of this run; every step of it reads them here."""
        records.save(settings, self.folder / "settings.json")

    def settle_settings(self, options: RunOptions) -> Settings:
        """Read the repository's settings again for a resume, with what the manifest fixed and what this run sets.

        A deadline that is over holds no more: to resume is to want the work done all the same.
        """
        manifest, now = self.manifest(), datetime.now(UTC)
        fixed = manifest.config.model_dump(mode="json", exclude={"deadline"})
        settings = load_settings(self.repository, {**{f"batch.{k}": v for k, v in fixed.items()}, **options.flags()})
        held = manifest.config.deadline if manifest.config.deadline and manifest.config.deadline > now else None
        limits = settings.batch.model_copy(update={"deadline": options.deadline or held})
        settings = settings.model_copy(update={"batch": limits})
        changed = manifest.model_copy(update={"config": Config.of(limits)})
        save_manifest(changed, self.folder / "manifest.yaml")
        self.keep_settings(settings)
        return settings

    def ticket(self, name: str) -> Ticket:
        """Return a ticket as it was at intake."""
        path = self.folder / "tickets" / name / "ticket.json"
        ticket = records.load(Ticket, path)
        if ticket is None:
            raise StateError(path, "is missing", "the batch is incomplete; start a new one")
        return ticket

    def carried(self, ticket: str) -> Carried | None:
        """Return what a ticket brings from an earlier batch; None when nothing."""
        return records.load(Carried, self.folder / "tickets" / ticket / "carried.json")

    def intake(self) -> Intake:
        """Return what stage 1 decided."""
        return records.load(Intake, self.folder / "intake.json") or Intake()

    def keep_intake(self, intake: Intake) -> None:
        """Write down what stage 1 decided."""
        records.save(intake, self.folder / "intake.json")

    def change(self, ticket: str, attempt: int) -> Change | None:
        """Return what an attempt landed; None when nothing."""
        return records.load(Change, self.attempt_folder(ticket, attempt) / "change.json")

    def judgement(self, ticket: str, attempt: int) -> Judgement | None:
        """Return what the gates said of an attempt; None before they have."""
        return records.load(Judgement, self.attempt_folder(ticket, attempt) / "judgement.json")

    def escalation(self, ticket: str) -> EscalationRecord | None:
        """Return what a ticket waits for, or waited for; None when it never escalated."""
        return records.load(EscalationRecord, self.folder / "escalations" / f"{ticket}.json")

    def answer(self, ticket: str) -> Decision | None:
        """Return the answer to a ticket's newest escalation; None when there is none."""
        record = self.escalation(ticket)
        if record is None:
            return None
        answers = self.decisions.answers(ticket, record.attempt)
        return next((answer for answer in answers if answer.escalation == record.number), None)

    def ref(self, state: BatchState, ticket: str) -> TicketRef:
        """Return the names under which steps know a ticket's attempt."""
        return TicketRef(str(self.repository), self.id, state.run_id, ticket, state.items[ticket].attempt)


@dataclass(frozen=True)
class TicketRef:
    """Plain names of one attempt of one ticket, as steps take them; `started` is the process's monotonic time."""

    repository: str
    batch_id: str
    run_id: str
    ticket: str
    attempt: int = 1
    started: float = field(default_factory=time.monotonic)

    @property
    def batch(self) -> Batch:
        """The batch on disk."""
        return Batch(Path(self.repository), self.batch_id)

    @property
    def folder(self) -> Path:
        """The folder of the attempt."""
        return self.batch.attempt_folder(self.ticket, self.attempt)

    @property
    def worktree(self) -> Path:
        """The workspace of the agent."""
        return self.batch.worktree(self.ticket)

    @property
    def change(self) -> Change | None:
        """What the attempt landed."""
        return self.batch.change(self.ticket, self.attempt)


def ignore_state(repository: Path) -> None:
    """Make `.nightwork/` and let it ignore itself."""
    path = repository / ".nightwork" / ".gitignore"
    if not path.exists():
        write_atomically(path, "*\n")


def check_disk(root: Path, settings: Settings) -> None:
    """Raise Infrastructure when the disk has less room than a run should start with."""
    free_mb = shutil.disk_usage(root).free // 1_000_000
    if free_mb < settings.batch.min_free_mb:
        wanted = f"batch.min_free_mb asks for {settings.batch.min_free_mb:,}"
        raise Infrastructure(
            "disk", f"{free_mb:,} MB free at {root.name}; {wanted}; make room, then run or resume again"
        )


def batches(repository: Path) -> list[Batch]:
    """Return the batches of a repository, oldest first."""
    return [batch for _, batch in sorted(_dated(repository), key=lambda pair: pair[0])]


def _dated(repository: Path) -> Iterator[tuple[tuple[float, str], Batch]]:
    folder = repository / ".nightwork" / "batches"
    for path in folder.iterdir() if folder.is_dir() else ():
        batch = Batch(repository, path.name)
        if batch.exists():
            yield (batch.manifest().created_at.timestamp(), batch.id), batch


def newest(repository: Path, *statuses: BatchStatus) -> Batch | None:
    """Return the newest batch in one of the given statuses (any when none is given); None when there is none."""
    found = [batch for batch in batches(repository) if not statuses or batch.manifest().status in statuses]
    return found[-1] if found else None


def newest_with(repository: Path, ticket: str) -> Batch | None:
    """Return the newest batch that admitted a ticket; None when none did."""
    found = [batch for batch in batches(repository) if ticket in batch.state().items]
    return found[-1] if found else None


def open_batch(repo: str, batch_id: str | None, *statuses: BatchStatus) -> Batch:
    """Return a batch by id, or the newest one in one of the statuses (any when none is given).

    Raises BadInput when there is none.
    """
    root = Repository.open(Path(repo)).root
    if batch_id is not None:
        batch: Batch | None = Batch(root, check_batch_id(batch_id))
    else:
        batch = newest(root, *statuses)
    if batch is None:
        wanted = f" that is {' or '.join(statuses)}" if statuses else ""
        raise bad_input(root.name, f"there is no batch{wanted}; `nightwork run` starts one")
    batch.manifest()
    return batch


def start_batch(repo: str, batch_id: str | None, options: RunOptions) -> tuple[Batch, Settings]:
    """Return the batch that a run is about, which need not exist yet, and the settings of the run.

    Without an id it is a new one, named by the local date. Raises BadInput for bad settings and ids.
    """
    root = Repository.open(Path(repo)).root
    settings = load_settings(root, options.flags())
    check_agent(settings.agent, root)
    name = free_id(root, date.today()) if batch_id is None else check_batch_id(batch_id)
    return Batch(root, name), settings


def free_id(repository: Path, today: date) -> str:
    """Return `<date>-overnight`, or with `-2`, `-3`, ... when that one is taken."""
    name = f"{today.isoformat()}-overnight"
    number = 1
    while (repository / ".nightwork" / "batches" / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return name if number == 1 else f"{name}-{number}"


def check_batch_id(name: str) -> str:
    """Return a batch id that is safe as a folder's name; raises BadInput for others."""
    try:
        return check_id(name)
    except ValueError as error:
        raise bad_input(f"batch id {name!r}", str(error)) from error
