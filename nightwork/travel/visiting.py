"""Where a run works and where a person decides: in the folder itself, or in a working copy of the remote repository."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from nightwork import stop
from nightwork.batch import Batch
from nightwork.decision import Decision
from nightwork.errors import DecidedElsewhere, Fault, Infrastructure, NightworkError
from nightwork.files import make_ignored
from nightwork.lock import hold
from nightwork.markdown import one_line
from nightwork.settings import load as load_settings
from nightwork.state_home import state_home
from nightwork.travel import taking
from nightwork.travel.arrival import Arrival, Overruled, holders
from nightwork.travel.copies import bring_up_to_date, copy_id, ensure_copy, tidy
from nightwork.travel.courier import Courier
from nightwork.travel.files import mark
from nightwork.travel.lease import Lease
from nightwork.travel.names import BATCHES, BATCHES_SEEN, BATCHES_SYNCED, read_note
from nightwork.travel.packing import Packer
from nightwork.travel.source import Source, copy_name
from nightwork.workspace import Repository
from nightwork.workspace.remote import Access, Remote, Update

logger = logging.getLogger("nightwork.travel")

_DESK_PATIENCE_S = 300.0
_ROUNDS = 20


@dataclass
class _Place:
    """A working copy as this process uses it: by how many at a time, and what goes on beside them."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    users: int = 0
    courier: Courier | None = None
    around: ExitStack = field(default_factory=ExitStack)


_places: dict[Path, _Place] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def visit(source: Source, what: str, *, patience_s: float = 0.0) -> Iterator[Path]:
    """Hold a repository for a run, and yield the root of the folder to work in; a stage inside the run shares it.

    A folder is locked. For an address the remote is leased, a copy of it is brought up to date with the batches that
    it holds, and their state is pushed while the run works and at its end; when another run takes the lease away, this
    one is asked to stop.

    Raises BadInput for what cannot be used, or is still held by another run after `patience_s` seconds, Infrastructure
    when the remote cannot be reached, StateError when what it holds cannot be trusted, and Stopped when the wait is to
    end.
    """
    root, access = _located(source)
    place = _place(root)
    with contextlib.ExitStack() as shared:
        if access is None and not _shares(place):
            shared.enter_context(hold(root, what, patience_s=patience_s))
        else:
            shared.enter_context(_visited(place, root, access, what, patience_s))
        yield root


@contextlib.contextmanager
def glance(source: Source) -> Iterator[Path]:
    """Yield the root of a folder in which a decision can be taken or a batch looked at, while a run may be under way.

    For an address what is decided is pushed at the end. Raises DecidedElsewhere when another decision on the same
    matter was there first, and else as `visit` does; what could not be pushed is kept, and pushed the next time.
    """
    root, access = _located(source)
    place = _place(root)
    if access is None and not _shares(place):
        yield root
    elif _shares(place):
        with _visited(place, root, access, "", 0.0):
            yield root
    else:
        with _at_desk(root.with_name(f"{root.name}-desk"), access or Access("")) as desk:
            yield desk


def _located(source: Source) -> tuple[Path, Access | None]:
    if source.is_folder():
        return Repository.open(Path(source.where)).root, None
    access = source.access()
    return state_home() / "clones" / copy_name(access.url), access


def _place(root: Path) -> _Place:
    with _guard:
        return _places.setdefault(root.resolve(), _Place())


def _shares(place: _Place) -> bool:
    return place.users > 0


@contextlib.contextmanager
def _visited(place: _Place, root: Path, access: Access | None, what: str, patience_s: float) -> Iterator[None]:
    with place.lock:
        if place.users == 0 and access is not None:
            _begin(place, root, access, what, patience_s)
        place.users += 1
    has_failed = True
    try:
        yield
        has_failed = False
    finally:
        with place.lock:
            place.users -= 1
            if place.users == 0:
                _end(place, has_failed)


def _begin(place: _Place, root: Path, access: Access, what: str, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    ensure_copy(root, access)
    with contextlib.ExitStack() as around:
        around.enter_context(hold(root, what, patience_s=patience_s))
        bring_up_to_date(root, access)
        repository, remote = Repository(root), Remote(root, access)
        lease_s = load_settings(root).remote.lease.total_seconds()
        lease = Lease.of(repository, remote, copy_id(root), what, lease_s)
        lease.acquire(max(0.0, deadline - time.monotonic()))
        around.callback(_give_back, lease)
        bring_up_to_date(root, access)
        make_ignored(root / ".nightwork")
        packer = Packer(repository)
        arrival = Arrival(repository, packer)
        arrival.bring_in()
        _tell_overruled(arrival.overruled)
        tidy(root)
        place.courier = Courier(repository, remote, lease, packer)
        place.courier.begin()
        place.around = around.pop_all()


def _give_back(lease: Lease) -> None:
    """Give a lease back that its courier has not: the visit did not come to its work."""
    with contextlib.suppress(NightworkError):
        if lease.at is not None:
            lease.remote.push([lease.release()])


def _end(place: _Place, has_failed: bool) -> None:
    courier, place.courier = place.courier, None
    with place.around:
        if courier is None:
            return
        try:
            courier.end()
        except NightworkError as error:
            if not has_failed:
                raise
            logger.error("%s", error)
        finally:
            if courier.replaced and threading.current_thread() is not threading.main_thread():
                stop.reset()  # where no signals are listened to, nobody else forgets the wish


@contextlib.contextmanager
def _at_desk(root: Path, access: Access) -> Iterator[Path]:
    place = _place(root)
    with place.lock:
        if place.users:
            yield root
            return
        ensure_copy(root, access)
        with hold(root, "a decision", patience_s=_DESK_PATIENCE_S):
            bring_up_to_date(root, access)
            make_ignored(root / ".nightwork")
            repository = Repository(root)
            desk = _Desk(repository, Remote(root, access), Packer(repository))
            _tell_overruled(desk.bring_in())
            place.users += 1
            try:
                yield root
            finally:
                place.users -= 1
                overruled = desk.send()
        if overruled:
            faults = (Fault(f"ticket {ours.ticket!r}", _told(holds)) for ours, holds in overruled)
            raise DecidedElsewhere(*faults)


@dataclass
class _Desk:
    """A working copy in which decisions are taken, beside whatever run is under way."""

    repository: Repository
    remote: Remote
    packer: Packer

    def bring_in(self) -> Overruled:
        """Take over what the remote has; returns those of our decisions that hold no more."""
        arrival = Arrival(self.repository, self.packer, mixing=True)
        arrival.bring_in()
        return arrival.overruled

    def send(self) -> Overruled:
        """Push what was changed here, merging it with what was pushed meanwhile; returns as `bring_in` does."""
        overruled: Overruled = []
        for number in range(_ROUNDS):
            updates, marks = self._changes()
            if not updates:
                return overruled
            if self.remote.push(updates):
                self._note(updates, marks)
                return overruled
            time.sleep(random.uniform(0, min(1.0, 0.05 * 2**number)))
            self.remote.fetch(f"+{BATCHES}*:{BATCHES_SEEN}*", prune=True)
            overruled += self.bring_in()
        raise Infrastructure(
            self.remote.url, "is changed by others all the time; what was decided is kept, and sent later"
        )

    def _changes(self) -> tuple[list[Update], dict[str, str]]:
        updates, marks = [], {}
        newest = holders(self.repository)
        for ref, at in self.repository.targets(BATCHES_SEEN).items():
            batch = Batch(self.repository.root, ref.removeprefix(BATCHES_SEEN))
            if not batch.exists() or taking.is_in_step(batch, at):
                continue
            marked = mark(batch.folder)
            refs = read_note(self.repository, at, batch.id).refs  # decisions move none
            packed = self.packer.pack(batch, newest, at, refs=refs)
            if packed and packed.commit != at:
                updates.append(Update(BATCHES + batch.id, packed.commit, at))
                marks[batch.id] = marked
        return updates, marks

    def _note(self, updates: list[Update], marks: dict[str, str]) -> None:
        for update in updates:
            name, commit = update.ref.removeprefix(BATCHES), str(update.new)
            self.repository.move_refs({BATCHES_SEEN + name: commit, BATCHES_SYNCED + name: commit})
            taking.note_in_step(Batch(self.repository.root, name), commit, marks[name])


def _tell_overruled(overruled: Overruled) -> None:
    for ours, holds in overruled:
        logger.warning("%s: %s was not pushed in time: %s", ours.ticket, ours.kind, _told(holds))


def _told(holds: Decision) -> str:
    what = f"{holds.kind} {holds.option}" if holds.option else str(holds.kind)
    return one_line(
        f"{what} by {holds.by} at {holds.at:%Y-%m-%d %H:%M} UTC was there first, on another machine, and holds"
    )
