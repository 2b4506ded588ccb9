"""One batch on disk: the folder `.nightwork/batches/<id>/` of the target repository, and what stands where in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from nightwork import environment, records
from nightwork.agent import check_agent, prompts, refuse_unconfined
from nightwork.agent.trajectory import Trajectory
from nightwork.batch.records import Carried, Continued, Earlier, EscalationRecord, Intake
from nightwork.change import Change
from nightwork.checkpoint import BatchState, load_checkpoint, save_checkpoint
from nightwork.decision import Decision, DecisionLog
from nightwork.errors import StateError, bad_input
from nightwork.files import make_ignored
from nightwork.gates.judgement import Judgement
from nightwork.manifest import BatchStatus, Config, Entry, Manifest, load_manifest, save_manifest
from nightwork.outcome import Outcome, Status
from nightwork.sandbox import Sandbox, open_sandbox
from nightwork.settings import RunOptions, Settings
from nightwork.settings import load as load_settings
from nightwork.ticket import Ticket
from nightwork.together import Together
from nightwork.workspace import Repository


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

    @property
    def together_checkout(self) -> Path:
        """The clean checkout in which the gates judge several changes together; no ticket's id begins with a dot."""
        return self.state_folder / "worktrees" / ".together" / "gates"

    def exists(self) -> bool:
        """Say whether intake has made this batch."""
        return (self.folder / "manifest.yaml").exists()

    def is_half_made(self) -> bool:
        """Say whether an intake that did not come to its end has left this folder, in which nothing was done yet."""
        if self.exists() or (self.folder / "merge_requests").exists() or not self.folder.is_dir():
            return False
        state = load_checkpoint(self.folder / "checkpoint.json")
        return state is None or all(outcome.status is Status.PENDING for outcome in state.items.values())

    def clear_half_made(self) -> None:
        """Remove what an intake that did not come to its end has left; raises StateError when work stands there."""
        if self.is_half_made():
            shutil.rmtree(self.folder)
        elif self.folder.exists() and not self.exists():
            raise StateError(self.folder, "has no manifest.yaml but holds work", "restore it, or name another batch")

    def create(
        self, manifest: Manifest, tickets: Iterable[Ticket], intake: Intake, earlier: Mapping[str, Earlier]
    ) -> None:
        """Write a new batch, with what earlier ones hold of its tickets.

        The manifest comes last, so that a half-written batch is none.
        """
        make_ignored(self.state_folder)
        for ticket in tickets:
            records.save(ticket, self.ticket_folder(ticket.id) / "ticket.json")
        self.keep_intake(intake)
        state = BatchState.new("overnight", self.id, [entry.id for entry in manifest.tickets])
        for name, brought in earlier.items():
            state.items[name] = state.items[name].with_(attempt=brought.attempt)
            if brought.carried:
                records.save(brought.carried, self.ticket_folder(name) / "carried.json")
            if brought.unfinished_in:
                self._continue(name, brought.attempt, Batch(self.repository, brought.unfinished_in))
        save_checkpoint(state, self.folder / "checkpoint.json")
        save_manifest(manifest, self.folder / "manifest.yaml")

    def _continue(self, ticket: str, attempt: int, earlier: Batch) -> None:
        """Take over an unfinished attempt: its trajectory, its escalation and the answers to it."""
        source = earlier.attempt_folder(ticket, attempt)
        records.save(Continued(batch=earlier.id), self.ticket_folder(ticket) / "continued.json")
        shutil.copytree(source, self.attempt_folder(ticket, attempt), dirs_exist_ok=True)
        asked = earlier.escalation(ticket)
        if asked and asked.attempt == attempt:
            records.save(asked, self.folder / "escalations" / f"{ticket}.json")
        for answer in earlier.decisions.answers(ticket, attempt):
            self.decisions.take(answer)
        if self.ticket(ticket).text() != earlier.ticket(ticket).text():
            trajectory = Trajectory(self.attempt_folder(ticket, attempt) / "trajectory.jsonl")
            stage = next((record["stage"] for record in reversed(trajectory.records) if record["stage"]), "C0")
            trajectory.say(stage, prompts.changed(self.ticket(ticket)))

    def manifest(self) -> Manifest:
        """Read the manifest; raises BadInput when there is no such batch or the file is faulty."""
        if not self.exists():
            known = ", ".join(sorted(path.parent.name for path in self.folder.parent.glob("*/manifest.yaml"))[-5:])
            raise bad_input(f"batch {self.id!r}", f"no such batch in {self.repository.name}; known: {known or 'none'}")
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

    def entries(self) -> list[tuple[Entry, Outcome]]:
        """Return the tickets with what came of each; raises StateError when the checkpoint does not know one."""
        outcomes, entries = self.state().items, self.manifest().tickets
        missing = [entry.id for entry in entries if entry.id not in outcomes]
        if missing:
            path = self.folder / "checkpoint.json"
            raise StateError(path, f"does not know {', '.join(missing[:5])}", "restore the one that was written last")
        return [(entry, outcomes[entry.id]) for entry in entries]

    def tell_manifest(self, state: BatchState, status: BatchStatus) -> None:
        """Rewrite outcomes and status of the manifest from the checkpoint."""
        save_manifest(self.manifest().with_outcomes(state.items, status), self.folder / "manifest.yaml")

    def sandbox(self) -> Sandbox:
        """Return the sandbox in which agents and gates run, with the environment that the settings ask for.

        It is prepared when it is not there. Raises Infrastructure when that fails, and BadInput when an agent that
        writes code would run unconfined.
        """
        settings = self.settings()
        wanted, confinement = settings.environment, settings.sandbox
        refuse_unconfined(settings.agent, confinement)
        if not wanted.setup:
            return open_sandbox(self.state_folder, confinement=confinement)
        prepared = environment.prepare(Repository(self.repository), wanted, self.manifest().base, confinement)
        return open_sandbox(self.state_folder, prepared, confinement)

    def settings(self) -> Settings:
        """Return the settings with which the running stage was started."""
        path = self.folder / "settings.json"
        settings = records.load(Settings, path)
        if settings is None:
            raise StateError(path, "is missing", "resume the batch, which writes it anew")
        settings.hide_secrets()
        return settings

    def keep_settings(self, settings: Settings) -> None:
        """Write down the settings of this run; every step of it reads them here."""
        records.save(settings, self.folder / "settings.json", exact=True)

    def settle_settings(self, options: RunOptions) -> Settings:
        """Read the repository's settings again for a resume, with what the batch fixed and what this run sets.

        A deadline that is over holds no more: to resume is to want the work done all the same.
        """
        manifest, now = self.manifest(), datetime.now(UTC)
        limits = manifest.config.model_dump(mode="json", exclude={"deadline"})
        before = records.load(Settings, self.folder / "settings.json")
        fixed: dict[str, object] = {"tickets": before.tickets} if before else {}
        fixed |= {"sandbox.confine": False} if before and not before.sandbox.confine else {}
        fixed |= {f"batch.{key}": value for key, value in limits.items()}
        settings = load_settings(self.repository, {**fixed, **self._chosen(options).flags()})
        held = manifest.config.deadline if manifest.config.deadline and manifest.config.deadline > now else None
        chosen = settings.batch.model_copy(update={"deadline": options.deadline or held})
        settings = settings.model_copy(update={"batch": chosen})
        check_agent(settings, self.repository)
        refuse_unconfined(settings.agent, settings.sandbox)
        changed = manifest.model_copy(update={"config": Config.of(chosen)})
        if changed != manifest:
            save_manifest(changed, self.folder / "manifest.yaml")
        self.keep_settings(settings)
        return settings

    def _chosen(self, options: RunOptions) -> RunOptions:
        """Return the options of a run, with the agent and the forge that an earlier run of the batch was given."""
        path = self.folder / "options.json"
        earlier = records.load(RunOptions, path) or RunOptions()
        agent = earlier.agent if options.agent is None else options.agent
        kept = RunOptions(agent=agent, forge=earlier.forge if options.forge is None else options.forge)
        if kept != earlier:
            records.save(kept, path)
        return options.model_copy(update={"agent": kept.agent, "forge": kept.forge})

    def ticket(self, name: str) -> Ticket:
        """Return a ticket as it was at intake."""
        path = self.ticket_folder(name) / "ticket.json"
        ticket = records.load(Ticket, path)
        if ticket is None:
            raise StateError(path, "is missing", "the batch is incomplete; start a new one")
        return ticket

    def carried(self, ticket: str) -> Carried | None:
        """Return what a ticket brings from an earlier batch; None when nothing."""
        return records.load(Carried, self.ticket_folder(ticket) / "carried.json")

    def continued(self, ticket: str) -> Continued | None:
        """Return from where a ticket's unfinished attempt was taken over; None when it began here."""
        return records.load(Continued, self.ticket_folder(ticket) / "continued.json")

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

    def together(self) -> Together | None:
        """Return what came of merging the branches into one tree; None before that was tried."""
        return records.load(Together, self.folder / "together.json")

    def keep_together(self, record: Together) -> None:
        """Write down what came of merging the branches into one tree."""
        records.save(record, self.folder / "together.json")

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

    def restarted(self) -> TicketRef:
        """Return the same attempt with its clock at zero."""
        return replace(self, started=time.monotonic())

    @property
    def worktree(self) -> Path:
        """The workspace of the agent."""
        return self.batch.worktree(self.ticket)

    @property
    def change(self) -> Change | None:
        """What the attempt landed."""
        return self.batch.change(self.ticket, self.attempt)
