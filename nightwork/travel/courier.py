"""Sends what a run has done to the remote while it works, and keeps the lease, from one thread.

Each push renews the lease and carries what has changed, all or nothing. The network may fail for as long as it likes:
the work goes on, and is sent later. Whoever finds the lease taken by another sends nothing more and ends the run.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nightwork import stop
from nightwork.batch import Batch
from nightwork.errors import BadInput, Infrastructure, NightworkError, StateError
from nightwork.manifest import BatchStatus
from nightwork.travel import taking
from nightwork.travel.arrival import holders
from nightwork.travel.files import mark
from nightwork.travel.lease import Lease
from nightwork.travel.names import (
    AGENTS,
    AGENTS_SYNCED,
    BATCHES,
    BATCHES_SEEN,
    BATCHES_SYNCED,
    BRANCHES_SEEN,
    LOCK,
)
from nightwork.travel.packing import Packed, Packer
from nightwork.travel.picture import Unsteady
from nightwork.travel.taking import DECISIONS
from nightwork.workspace import BRANCH_PREFIX, Repository
from nightwork.workspace.remote import Remote, Update

logger = logging.getLogger("nightwork.travel")

_EVERY_S = 20.0
_TICK_S = 1.0
_ROUNDS = 10
_LAST_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_TELLING = ("checkpoint.json", "manifest.yaml", DECISIONS)


class Replaced(Infrastructure):
    """Another run holds the lease: (what, which)."""


@dataclass
class Courier:
    """Carries the batches of one working copy to its remote for as long as a run holds the lease."""

    repository: Repository
    remote: Remote
    lease: Lease
    packer: Packer
    replaced: Replaced | None = None
    _begun: float = field(default_factory=time.time)
    _sent: dict[str, str] = field(default_factory=dict)
    _branches: dict[str, str] = field(default_factory=dict)
    _foreign: set[str] = field(default_factory=set)
    _marks: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _holders: tuple[tuple[str, ...], dict[str, str]] | None = None
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Send what was not sent before; then go on doing so from a thread of its own."""
        seen = self.repository.targets(BATCHES_SEEN, BRANCHES_SEEN + BRANCH_PREFIX)
        self._sent = {ref.removeprefix(BATCHES_SEEN): at for ref, at in seen.items() if ref.startswith(BATCHES_SEEN)}
        self._branches = {
            AGENTS + ref.removeprefix(BRANCHES_SEEN + BRANCH_PREFIX): at
            for ref, at in seen.items()
            if ref.startswith(BRANCHES_SEEN)
        }
        self._send(None, self.lease.renewal)
        self._begun = time.time()
        self._thread = threading.Thread(target=self._carry, name="nightwork courier", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send the rest and give the lease back.

        Raises Infrastructure when that fails for good; nothing is lost then, and the next run here sends it.
        """
        self._end.set()
        if self._thread:
            self._thread.join()
        for pause_s in (*_LAST_PAUSES_S, None):
            try:
                return self._send(None, self.lease.release)
            except Replaced:
                raise
            except (Infrastructure, BadInput) as error:
                if pause_s is None:
                    kept = "all of it is kept here, and the next run on this machine sends it"
                    raise Infrastructure("the last state could not be sent", f"{error}; {kept}") from error
                time.sleep(pause_s)
        return None

    def _carry(self) -> None:
        lease_s = self.lease.holder.lease_s
        due, known, found = 0.0, dict[str, tuple[int, int]](), dict[str, tuple[int, int]]()
        while not self._end.wait(min(_TICK_S, lease_s / 20)):
            now = time.monotonic()
            try:
                found = self._telling()
                self.packer.look(self._newest(), self._begun)
                if now < due and found == known:
                    continue
                self._send(self._begun, self.lease.renewal)
            except Replaced as error:
                self.replaced = error
                logger.error("%s", error)
                stop.request(str(error))
                return
            except (NightworkError, OSError) as error:  # a full disk as well: who stops here loses the lease
                self._tell_once("network", "what is done cannot be sent, and is kept until it can be: %s", error)
                due, known = now + min(_EVERY_S, lease_s / 8), found
            else:
                self._told.discard("network")
                due, known = now + min(_EVERY_S, lease_s / 4), found

    def _tell_once(self, key: str, text: str, error: Exception) -> None:
        if key not in self._told:
            self._told.add(key)
            logger.warning(text, error)

    def _telling(self) -> dict[str, tuple[int, int]]:
        """Return what changes when something of a batch has ended or was decided; quick to ask."""
        found = {}
        for name in taking.local_batches(self.repository.root):
            for file in _TELLING:
                with contextlib.suppress(FileNotFoundError):
                    about = (self.repository.root / ".nightwork" / "batches" / name / file).stat()
                    found[f"{name}/{file}"] = (about.st_mtime_ns, about.st_ino)
        return found

    def _send(self, idle_since: float | None, lease: Callable[[], Update]) -> None:
        """Push what has changed, with the lease; merges what others have decided meanwhile."""
        for _ in range(_ROUNDS):
            if self.replaced:
                raise self.replaced
            marks, packed = self._changed(idle_since)
            branches = self._moved(packed)
            updates = [lease()]
            updates += [Update(BATCHES + name, each.commit, self._sent.get(name)) for name, each in packed.items()]
            updates += [Update(ref, at, self._branches.get(ref)) for ref, at in branches.items()]
            if self.remote.push(updates):
                self.lease.at = updates[0].new
                self._note(packed, branches, marks if idle_since is None else {})
                self._marks |= {name: marked for name, marked in marks.items() if name in packed}
                return
            self._catch_up()
        raise Infrastructure(self.remote.url, "is changed by others faster than this run can follow")

    def _changed(self, idle_since: float | None) -> tuple[dict[str, str], dict[str, Packed]]:
        """Return the batches that are not as they were sent, and how their folders were marked before that was read."""
        marks, packed = {}, {}
        for name in taking.local_batches(self.repository.root):
            batch = Batch(self.repository.root, name)
            marks[name] = mark(batch.folder)
            if marks[name] == self._marks.get(name) or not batch.exists() or self._rests(batch):
                continue
            try:
                found = self.packer.pack(batch, self._newest(), self._sent.get(name), idle_since)
            except Unsteady:
                continue
            except (StateError, BadInput) as error:
                self._tell_once(name, f"the state of {name} cannot be sent: %s", error)
                continue
            if found and found.commit != self._sent.get(name):
                packed[name] = found
            else:
                self._marks[name] = marks[name]
        return marks, packed

    def _rests(self, batch: Batch) -> bool:
        """Say whether a batch was sent as it is, and nobody will work on it: its tickets need no looking at."""
        ended = batch.manifest().status in {BatchStatus.COMPLETED, BatchStatus.REVIEWED}
        return ended and taking.is_in_step(batch, self._sent.get(batch.id))

    def _newest(self) -> dict[str, str]:
        """Return the newest batch of each ticket; they are read again when there is another batch."""
        names = tuple(path.parent.name for path in self.repository.root.glob(".nightwork/batches/*/manifest.yaml"))
        if self._holders is None or self._holders[0] != names:
            self._holders = (names, holders(self.repository))
        return self._holders[1]

    def _moved(self, packed: Mapping[str, Packed]) -> dict[str, str]:
        branches = {ref: at for each in packed.values() for ref, at in each.branches.items()}
        return {ref: at for ref, at in branches.items() if at != self._branches.get(ref) and ref not in self._foreign}

    def _note(self, packed: Mapping[str, Packed], branches: Mapping[str, str], marks: Mapping[str, str]) -> None:
        """Note that the remote holds what was sent."""
        refs = {
            prefix + name: each.commit for name, each in packed.items() for prefix in (BATCHES_SEEN, BATCHES_SYNCED)
        }
        for ref, at in branches.items():
            name = ref.removeprefix(AGENTS)
            refs |= {AGENTS_SYNCED + name: at, f"{BRANCHES_SEEN}{BRANCH_PREFIX}{name}": at}
        self.repository.move_refs(refs)
        self._sent |= {name: each.commit for name, each in packed.items()}
        self._branches |= branches
        for name in set(packed) & set(marks):
            taking.note_in_step(Batch(self.repository.root, name), packed[name].commit, marks[name])

    def _catch_up(self) -> None:
        """Take decisions of others in, and leave branches to them; raises Replaced when the lease is gone."""
        told = self.remote.refs(LOCK, f"{BATCHES}*", f"{AGENTS}*")
        if not self.lease.is_held(told.get(LOCK)):
            why = "what was done since the last push is kept here, and put aside before the next run"
            self.replaced = Replaced(f"the lease on {self.remote.url} is another run's", why)
            raise self.replaced
        there = {ref.removeprefix(BATCHES): at for ref, at in told.items() if ref.startswith(BATCHES)}
        if any(at != self._sent.get(name) for name, at in there.items()):
            self.remote.fetch(f"+{BATCHES}*:{BATCHES_SEEN}*")
        for name in {*there, *self._sent}:
            if there.get(name) != self._sent.get(name):
                self._take_decisions(name, there.get(name))
        for ref in {*self._branches, *(ref for ref in told if ref.startswith(AGENTS))}:
            if told.get(ref) != self._branches.get(ref):
                self._foreign.add(ref)
                logger.warning("%s was moved on the remote by somebody else, and is left there", ref)

    def _take_decisions(self, name: str, at: str | None) -> None:
        """Let decisions of others stand before ours; of everything else this run knows better."""
        batch = Batch(self.repository.root, taking.check_name(name))
        self._sent.pop(name, None)
        if at is None:
            return
        self._sent[name] = at
        self._marks.pop(name, None)
        if not batch.exists():
            return
        try:
            first = taking.decisions_in(self.repository, at, name)
        except StateError as error:
            logger.warning("%s; the state of this run is put in its place", error)
            return
        for ours, holds in batch.decisions.give_way(first):
            logger.warning("%s: %s was decided elsewhere before %s, and holds", ours.ticket, holds.kind, ours.kind)
