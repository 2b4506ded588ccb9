"""What nightwork itself asks about a ticket, beside what its agent asks, and what people have said to it.

All escalations of an attempt are numbered together, in the order in which its trajectory has them; `asked.jsonl` beside
it holds what those of nightwork are about. What was decided once for a ticket is not asked again, in no later attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import records
from nightwork.agent import Escalation
from nightwork.agent.results import Trigger
from nightwork.agent.trajectory import CHECKS, PUBLISHING, Trajectory
from nightwork.batch import Batch, EscalationRecord, TicketRef
from nightwork.decision import Decision
from nightwork.files import append_record, read_records
from nightwork.outcome import Outcome, Reason, Status
from nightwork.policy import APPROVING, LEAVE_OUT, REWORK, Held, Standing


class Asked(BaseModel):
    """One question of nightwork's: the number of its escalation, at which step, and the subjects that it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    stage: str
    summary: str
    subjects: tuple[str, ...]


def escalate(ref: TicketRef, escalation: Escalation) -> Outcome:
    """Put the ticket into the queue of decisions."""
    batch, noted = ref.batch, _trajectory(ref).escalations()
    number = max(len(noted) - 1, len(batch.decisions.answers(ref.ticket, ref.attempt)))
    record = EscalationRecord(ticket=ref.ticket, attempt=ref.attempt, number=number, escalation=escalation)
    records.save(record, batch.folder / "escalations" / f"{ref.ticket}.json")
    reason = Reason(escalation.trigger.value)
    return Outcome(status=Status.ESCALATED, reason=reason, message=escalation.summary, attempt=ref.attempt)


def ask(ref: TicketRef, stage: str, held: Sequence[Held], escalation: Escalation) -> Outcome:
    """Ask a person about what is held; asking the same again changes nothing."""
    trajectory = _trajectory(ref)
    answered, noted = len(ref.batch.decisions.answers(ref.ticket, ref.attempt)), trajectory.escalations()
    is_pending = len(noted) > answered and noted[-1]["stage"] == stage
    asked = Asked(
        number=len(noted) - is_pending,
        stage=stage,
        summary=escalation.summary,
        subjects=tuple(dict.fromkeys(each.subject for each in held)),
    )
    append_record(ref.folder / "asked.jsonl", asked.model_dump(mode="json"))
    if not is_pending:
        trajectory.escalate(stage, "", escalation.model_dump(mode="json"))
    return escalate(ref, escalation)


def said(ref: TicketRef) -> dict[str, Standing]:
    """Return what people have decided about the ticket's subjects, in any attempt of any batch; the last word holds."""
    standing: dict[str, Standing] = {}
    for asked, answer in sorted(_all_answered(ref), key=lambda pair: pair[1].at):
        word = _standing(answer.option)
        for subject in asked.subjects:
            standing.pop(subject, None)
            standing |= {subject: word} if word else {}
    return standing


def unanswered(ref: TicketRef, held: Iterable[Held]) -> list[Held]:
    """Return what is held before work and was not asked about yet, whatever the answer was, each subject once."""
    known = {subject for asked, _ in _all_answered(ref) for subject in asked.subjects}
    return [each for each in unsettled(ref, held) if each.subject not in known]


def unsettled(ref: TicketRef, held: Iterable[Held]) -> list[Held]:
    """Return what nobody has approved yet, each subject once.

    When the agent itself has asked about data or compatibility in this attempt, its answer is about schemas and names
    as well: nightwork does not ask a second time.
    """
    approved = {subject for subject, standing in said(ref).items() if standing is Standing.APPROVED}
    told = _asked_by_the_agent(ref) & {Trigger.DATA, Trigger.COMPATIBILITY}
    open_points = [each for each in held if each.subject not in approved and each.trigger not in told]
    return list({each.subject: each for each in open_points}.values())


def _asked_by_the_agent(ref: TicketRef) -> set[str]:
    """Return the triggers of the escalations that the attempt's agent made and people answered."""
    answered = len(ref.batch.decisions.answers(ref.ticket, ref.attempt))
    noted = _trajectory(ref).escalations()[:answered]
    return {record["value"]["trigger"] for record in noted if record["stage"] not in {*CHECKS, PUBLISHING}}


def goes_back(ref: TicketRef) -> bool:
    """Say whether finished work was last given back to the agent."""
    noted, answers = _trajectory(ref).escalations(), ref.batch.decisions.answers(ref.ticket, ref.attempt)
    is_last = bool(noted) and len(answers) >= len(noted) and noted[-1]["stage"] == PUBLISHING
    return is_last and answers[len(noted) - 1].option == REWORK


def texts(ref: TicketRef) -> tuple[str, ...]:
    """Return the answers of the attempt as an agent is told of them, by the number of the escalation."""
    about = {asked.number: asked.summary for asked in _asked(ref.folder / "asked.jsonl")}
    answers = ref.batch.decisions.answers(ref.ticket, ref.attempt)
    return tuple(
        f"About this: {about[number]}\nDecided: {answer.text()}" if number in about else answer.text()
        for number, answer in enumerate(answers)
    )


def settled(ref: TicketRef) -> frozenset[int]:
    """Return the numbers of the answers that no agent has to act on: they are about publishing what is there."""
    at_the_end = {asked.number for asked in _asked(ref.folder / "asked.jsonl") if asked.stage == PUBLISHING}
    answers = ref.batch.decisions.answers(ref.ticket, ref.attempt)
    return frozenset(n for n, answer in enumerate(answers) if n in at_the_end and answer.option != REWORK)


def decisions(ref: TicketRef) -> list[str]:
    """Return what was asked of a person in this attempt by nightwork, and what was decided, one line each."""
    found = _answered(ref, ref.folder / "asked.jsonl")
    return list(dict.fromkeys(f"{answer.text()}: {asked.summary}" for asked, answer in found))


def _all_answered(ref: TicketRef) -> list[tuple[Asked, Decision]]:
    paths = ref.batch.folder.parent.glob(f"*/tickets/{ref.ticket}/attempt-*/asked.jsonl")
    return [pair for path in paths for pair in _answered(ref, path)]


def _answered(ref: TicketRef, path: Path) -> Iterator[tuple[Asked, Decision]]:
    """Yield the questions of an attempt that have an answer, the newest record of each number."""
    batch = Batch(Path(ref.repository), path.parents[3].name)
    attempt = int(path.parent.name.removeprefix("attempt-"))
    answers = {answer.escalation: answer for answer in batch.decisions.answers(ref.ticket, attempt)}
    for number, asked in {asked.number: asked for asked in _asked(path)}.items():
        if number in answers:
            yield asked, answers[number]


def _standing(option: str | None) -> Standing | None:
    if option in APPROVING:
        return Standing.APPROVED
    return Standing.LEFT_OUT if option == LEAVE_OUT else None


def _asked(path: Path) -> list[Asked]:
    return [Asked.model_validate(record) for record in read_records(path)]


def _trajectory(ref: TicketRef) -> Trajectory:
    return Trajectory(ref.folder / "trajectory.jsonl")
