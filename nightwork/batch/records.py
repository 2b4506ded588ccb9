"""The small records of a batch: one Pydantic model each, one JSON file each."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict

from nightwork.agent.results import Escalation


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


class Continued(BaseModel):
    """Where the unfinished attempt of a ticket comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: str


@dataclass(frozen=True)
class Earlier:
    """What earlier batches hold of one ticket.

    `attempt` is the number of its next attempt, or of the one `unfinished_in` a batch, which goes on; `wait` says why
    the ticket must not be taken up; `is_merged` that its branch is in the base, so that others may build on it.
    """

    attempt: int
    wait: str | None = None
    carried: Carried | None = None
    unfinished_in: str | None = None
    is_merged: bool = False


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
