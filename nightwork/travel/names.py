"""The refs by which batches travel, on the other side and in a working copy of it."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from nightwork.errors import StateError
from nightwork.ticket import check_id
from nightwork.workspace import BRANCH_PREFIX, OLD_WIP_PREFIX, WIP_PREFIX, Repository

# On the remote.
LOCK = "refs/nightwork/lock"
BATCHES = "refs/nightwork/batches/"
AGENTS = f"refs/heads/{BRANCH_PREFIX}"

# In a working copy: what the remote held when it was last asked, what the local files and branches were in step with,
# and what was overruled.
BRANCHES_SEEN = "refs/remotes/origin/"
BATCHES_SEEN = "refs/nightwork/remote/batches/"
LOCK_SEEN = "refs/nightwork/remote/lock"
BATCHES_SYNCED = "refs/nightwork/synced/batches/"
AGENTS_SYNCED = "refs/nightwork/synced/agent/"
ASIDE = "refs/nightwork/aside/"

_COMMIT = r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$"
_HEADING = "A batch of nightwork, on its way"
_OF_TICKET = re.compile(
    rf"(?:{re.escape(WIP_PREFIX)}|{re.escape(AGENTS)})(?P<name>[^/]+)|{re.escape(OLD_WIP_PREFIX)}(?P<old>[^/]+)/[0-9]{{1,6}}"
)


class Note(BaseModel):
    """What a commit of a batch's state says beside its files: where the refs of its tickets point, its tracker,
    and what its unfinished tickets have spent, which no file tells.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    refs: dict[str, Annotated[str, StringConstraints(pattern=_COMMIT)]] = Field(default={}, max_length=100_000)
    tickets: str | None = Field(default=None, max_length=2000)
    generation: int = Field(default=0, ge=0)
    spent_usd: dict[str, Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]] = Field(default={})

    def text(self) -> str:
        """Return the commit's message."""
        return f"{_HEADING}\n\n{json.dumps(self.model_dump(mode='json'), sort_keys=True)}\n"


def ticket_of(ref: str) -> str | None:
    """Return the ticket that a ref of work or a branch belongs to; None for any other ref."""
    match = _OF_TICKET.fullmatch(ref)
    name = match and (match["name"] or match["old"])
    try:
        return check_id(name) if name else None
    except ValueError:
        return None


def read_note(repository: Repository, commit: str, batch: str) -> Note:
    """Read what came from a remote; raises StateError when it names a ref that is no ticket's, or work it lacks."""
    text = repository.message(commit)
    try:
        note = Note.model_validate_json(text.partition("\n\n")[2])
    except ValidationError as error:
        raise _untrusted(batch, f"{error.errors(include_url=False)[0]['msg']}") from None
    parents = set(repository.parents(commit))
    for ref, target in note.refs.items():
        if ticket_of(ref) is None or target not in parents:
            raise _untrusted(batch, f"{ref!r} is no ref of a ticket's work that comes with it")
    return note


def _untrusted(batch: str, problem: str) -> StateError:
    remedy = f"delete {BATCHES}{batch} there, or push a good one; nothing was taken over"
    return StateError(f"batch {batch!r} of the remote", problem, remedy)
