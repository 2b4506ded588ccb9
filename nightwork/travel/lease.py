"""The lease on a remote repository: who holds it may run batches there, until it is given back or its time is over.

It is one ref, which is changed only by compare-and-swap; each renewal points it at another commit. An observer counts
by its own clock how long it has not changed, so that the clocks of machines need not agree. Every push of a run renews
the lease in the same stroke, so that a holder that was replaced cannot push.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightwork import stop
from nightwork.errors import Infrastructure, bad_input
from nightwork.markdown import one_line
from nightwork.travel.names import LOCK, LOCK_SEEN
from nightwork.workspace import Repository
from nightwork.workspace.remote import Remote, Update

logger = logging.getLogger("nightwork.travel")

UNKNOWN_LEASE_S = 120.0
_LONGEST_PAUSE_S = 5.0


class Holder(BaseModel):
    """Who holds a lease; `copy_id` is the working copy's own name, `run` one that no other run has."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str = Field(max_length=300)
    pid: int
    copy_id: str = Field(max_length=100)
    run: str = Field(max_length=100)
    what: str = Field(max_length=1000)
    since: str = Field(max_length=100)
    lease_s: float = Field(gt=0, le=86_400)
    renewal: int = 0

    def text(self) -> str:
        """Return who it is, for people."""
        return one_line(f"{self.what}, process {self.pid} on {self.host}, since {self.since}")


@dataclass
class Lease:
    """A lease that this process holds, or tries to; `at` is the commit that it points at."""

    repository: Repository
    remote: Remote
    holder: Holder
    at: str | None = None
    mine: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, repository: Repository, remote: Remote, copy_id: str, what: str, lease_s: float) -> Lease:
        """Return a lease that is not held yet."""
        holder = Holder(
            host=socket.gethostname()[:300],
            pid=os.getpid(),
            copy_id=copy_id,
            run=uuid.uuid4().hex,
            what=what[:1000],
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            lease_s=lease_s,
        )
        return cls(repository, remote, holder)

    def acquire(self, patience_s: float) -> None:
        """Take the lease, waiting so long for whoever holds it; a holder that renews it no more is replaced.

        Raises BadInput, naming the holder, when it is still held then, and Stopped when the wait is to end.
        """
        begun, told, seen = time.monotonic(), False, _Seen(None, None, 0.0)
        while True:
            seen = self._look(seen)
            now = time.monotonic()
            if self._is_free(seen, now):
                if self._take(seen):
                    return
                continue
            holder = seen.holder.text() if seen.holder else "somebody who cannot be named"
            if now - begun >= patience_s:
                over_s = seen.lease_s
                problem = f"a run is under way: {holder}; wait for it, or stop it"
                raise bad_input(self.remote.url, f"{problem}. If it was killed, its lease is over after {over_s:.0f} s")
            if not told:
                logger.info("waiting up to %.0f s for the run under way: %s", patience_s, holder)
                told = True
            stop.wait(min(_LONGEST_PAUSE_S, seen.lease_s / 20, begun + patience_s - now))

    def _look(self, seen: _Seen) -> _Seen:
        """Return who holds the lease, and since when it has been seen to stay so."""
        at = self.remote.refs(LOCK).get(LOCK)
        if at is None or at == seen.at:
            return seen if at else _Seen(None, None, 0.0)
        try:
            self.remote.fetch(f"+{LOCK}:{LOCK_SEEN}")
        except Infrastructure:
            return seen  # given back meanwhile; if it is the network, the next look says so
        at = self.repository.targets(LOCK_SEEN)[LOCK_SEEN]
        return _Seen(at, self._read(at), time.monotonic())

    def _read(self, at: str) -> Holder | None:
        try:
            return Holder.model_validate_json(self.repository.message(at))
        except (ValidationError, Infrastructure):
            return None

    def _is_free(self, seen: _Seen, now: float) -> bool:
        """Say whether nobody holds it, or one who is dead: a run of this very copy is, for we hold the copy's lock."""
        if seen.at is None or now - seen.since >= seen.lease_s:
            return True
        return seen.holder is not None and seen.holder.copy_id == self.holder.copy_id

    def _take(self, seen: _Seen) -> bool:
        update = self.renewal(seen.at)
        if not self.remote.push([update]):
            return False
        self.at = update.new
        if seen.holder:
            logger.warning("the lease of %s is over and was taken: it was not given back", seen.holder.text())
        return True

    def renewal(self, expected: str | None = None) -> Update:
        """Return the change that renews the lease, or takes it when another commit is expected there."""
        self.holder = self.holder.model_copy(update={"renewal": self.holder.renewal + 1})
        text = json.dumps(self.holder.model_dump(mode="json"), sort_keys=True) + "\n"
        commit = self.repository.commit(self.repository.make_tree({}), [], text, datetime.now(UTC))
        self.mine.add(commit)
        return Update(LOCK, commit, expected or self.at)

    def release(self) -> Update:
        """Return the change that gives the lease back."""
        return Update(LOCK, None, self.at)

    def is_held(self, at: str | None) -> bool:
        """Say whether the lease, which points at this commit, is ours; a push may have come to more than was told."""
        if at not in self.mine:
            return False
        self.at = at
        return True


@dataclass(frozen=True)
class _Seen:
    at: str | None
    holder: Holder | None
    since: float

    @property
    def lease_s(self) -> float:
        return self.holder.lease_s if self.holder else UNKNOWN_LEASE_S
