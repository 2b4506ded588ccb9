"""What a decision is about: one attempt's merge request, or one escalation; and the form in which a person is asked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from nightwork import records
from nightwork.batch import Batch
from nightwork.decision import Decision, Kind
from nightwork.errors import BadInput, StateError, bad_input
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import Judgement
from nightwork.gates.report import Severity
from nightwork.manifest import Entry
from nightwork.outcome import Outcome, Status
from nightwork.redact import redact
from nightwork.review.form import NEXT_RUN, Around, escalation_form, merge_request_form
from nightwork.stages.publish import Landing
from nightwork.stages.review import answer, decide, document_of
from nightwork.ticket import Priority


class Urgency(StrEnum):
    """After how long a person is reminded of what was not decided."""

    CRITICAL = "1h"
    BLOCKS = "4h"
    USUAL = "24h"


@dataclass(frozen=True)
class Answer:
    """What a person said: the decision or the option, a comment, and who it was."""

    choice: str
    comment: str
    by: str

    def is_in(self, taken: Decision) -> bool:
        """Say whether a decision that holds is this very one."""
        return self.is_alike(taken) and redact(self.by) == taken.by

    def is_alike(self, taken: Decision) -> bool:
        """Say whether a decision that holds says the same, whoever took it."""
        choice = taken.option if taken.kind is Kind.ANSWER else taken.kind
        return (choice, taken.message) == (self.choice, redact(self.comment))


@dataclass(frozen=True)
class Subject:
    """One thing to decide; `escalation` is None for a merge request, `taken` the decision that holds."""

    batch: Batch
    ticket: str
    title: str
    attempt: int
    urgency: Urgency
    taken: Decision | None
    escalation: int | None = None
    options: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return "merge request" if self.escalation is None else "escalation"

    @property
    def key(self) -> str:
        """The name of it among those of its ticket, in this batch and in later ones: lower case and dashes."""
        number = "" if self.escalation is None else f"-{self.escalation}"
        return f"{self.kind.replace(' ', '-')}-{self.attempt}{number}"

    def take(self, said: Answer) -> Decision | str:
        """Record what a person said of this very subject.

        Returns the decision that holds, an earlier one first, or why it is not taken.
        """
        try:
            if self.escalation is not None:
                asked = self.attempt, self.escalation
                return answer(self.batch, self.ticket, said.choice, said.comment, said.by, asked)
            return decide(self.batch, self.ticket, Kind(said.choice), said.comment, said.by, self.attempt)
        except BadInput as error:
            return str(error)

    def is_asked(self) -> bool:
        """Say whether it is still the newest thing to decide on its ticket: another run may have gone on meanwhile."""
        newest = subject_of(self.batch, self.ticket)
        return newest is not None and newest.key == self.key

    def seen_from(self, repository: Path) -> Subject:
        """Return the same subject in another working copy."""
        return replace(self, batch=Batch(repository, self.batch.id))

    def holds(self) -> Decision:
        """Return the decision that holds; raises BadInput when there is none."""
        log = self.batch.decisions
        if self.escalation is None:
            taken = log.verdict_on(self.ticket, self.attempt)
        else:
            answers = log.answers(self.ticket, self.attempt)
            taken = next((each for each in answers if each.escalation == self.escalation), None)
        if taken is None:
            raise bad_input(f"ticket {self.ticket!r}", f"is not decided in {self.batch.id}")
        return taken

    def then(self, taken: Decision) -> str:
        """Return what comes of a decision, in words."""
        if self.escalation is not None:
            return f"goes on {NEXT_RUN}"
        if taken.kind is Kind.APPROVE:
            return f"nothing was merged; once it is, set `state: done` in the ticket {self.ticket}"
        return "a second commit follows in the next batch" if taken.kind is Kind.REQUEST_CHANGES else "it is closed"


def subjects(batch: Batch) -> list[Subject]:
    """Return the newest thing to decide on each ticket, in the manifest's order; decided ones too.

    Left out are tickets on which there is nothing to decide yet, or that the gates have not judged.
    """
    found: list[Subject] = []
    for entry, outcome in batch.entries():
        found += _subject(batch, entry, outcome)
    awaited = _awaited(batch, {subject.ticket: subject for subject in found})
    return [replace(each, urgency=Urgency.BLOCKS) if _is_raised(each, awaited) else each for each in found]


def subject_of(batch: Batch, ticket: str) -> Subject | None:
    """Return the newest thing to decide on a ticket, decided or not; None when there is none.

    Raises BadInput when the batch does not hold the ticket.
    """
    if ticket not in batch.state().items:
        raise bad_input(f"ticket {ticket!r}", f"is not in {batch.id}; `nightwork review` lists what waits")
    return next((subject for subject in subjects(batch) if subject.ticket == ticket), None)


def form_of(subject: Subject, is_local: bool = True) -> str:
    """Return what a person has to know to decide, as Markdown; `is_local` says that they have the repository here."""
    document = document_of(subject.batch)
    if subject.escalation is not None:
        asked = next((row for row in document.escalations if row.ticket == subject.ticket), None)
        if asked is not None:
            return escalation_form(asked, Around(places=_places(subject)))
    row = next((row for row in document.queue if row.ticket == subject.ticket), None)
    if row is None:
        path = subject.batch.folder / "checkpoint.json"
        raise StateError(path, f"has {subject.ticket} no longer in the review", "decide on the command line")
    culprits = document.together.culprits if document.together else ()
    return merge_request_form(row, _around(subject, is_local), culprits)


def _subject(batch: Batch, entry: Entry, outcome: Outcome) -> Iterator[Subject]:
    urgency = Urgency.CRITICAL if entry.priority is Priority.CRITICAL else Urgency.USUAL
    record = batch.escalation(entry.id)
    if outcome.status is Status.ESCALATED and record is not None:
        names = tuple(option.name for option in record.escalation.options)
        answer = batch.answer(entry.id)
        yield Subject(batch, entry.id, entry.title, record.attempt, urgency, answer, record.number, names)
    is_judged = outcome.has_landed() and outcome.is_through()
    if is_judged and batch.change(entry.id, outcome.attempt) is not None:
        taken = batch.decisions.verdict_on(entry.id, outcome.attempt)
        yield Subject(batch, entry.id, entry.title, outcome.attempt, urgency, taken)


def _awaited(batch: Batch, known: Mapping[str, Subject]) -> set[str]:
    """Return the tickets that others of the batch stand on or wait for: those not started, and those to be decided."""
    awaited: set[str] = set()
    for entry, outcome in batch.entries():
        subject = known.get(entry.id)
        if outcome.status is Status.SKIPPED or (subject is not None and subject.taken is None):
            awaited.update(entry.dependencies)
    return awaited


def _is_raised(subject: Subject, awaited: set[str]) -> bool:
    return subject.ticket in awaited and subject.urgency is Urgency.USUAL


def _around(subject: Subject, is_local: bool) -> Around:
    batch, folder = subject.batch, subject.batch.attempt_folder(subject.ticket, subject.attempt)
    landing = records.load(Landing, folder / "landing.json")
    judgement = batch.judgement(subject.ticket, subject.attempt)
    return Around(
        said=(landing.work.summary, *landing.work.changes) if landing else (),
        scores=judgement.scores if judgement else None,
        findings=_findings(judgement) if judgement else (),
        commands=_commands(subject, is_local),
        places=_places(subject),
    )


def _findings(judgement: Judgement) -> list[str]:
    gates = [gate for gate in judgement.gates if gate.measures is Measure.SECURITY]
    found = [each for gate in gates for each in gate.findings]
    worst = sorted(found, key=lambda each: list(Severity).index(each.severity))
    return [f"{each.severity}: {each.path}:{each.line} {each.message} ({each.rule})" for each in worst]


def _commands(subject: Subject, is_local: bool) -> tuple[str, ...]:
    """Return the commands that show the change, and that merge it once it is approved."""
    change = subject.batch.change(subject.ticket, subject.attempt)
    if change is None:
        return ()
    branch = shlex.quote(change.branch)
    if is_local:
        first = f"cd {shlex.quote(str(subject.batch.repository))}"
    else:
        first, branch = f"git fetch origin {branch}", f"origin/{branch}"
    return first, f"git diff {change.origin[:12]} {branch}", f"git merge --no-ff {branch}"


def _places(subject: Subject) -> list[tuple[str, str]]:
    batch, folder = subject.batch, subject.batch.folder.relative_to(subject.batch.repository)
    requested = folder / "merge_requests" / f"{subject.ticket}.md"
    change = batch.change(subject.ticket, subject.attempt) if subject.escalation is None else None
    found = [("merge request", str(requested)), ("branch", change.branch)] if change else []
    return [*found, ("review page", str(folder / "review.html")), ("batch", batch.id)]
