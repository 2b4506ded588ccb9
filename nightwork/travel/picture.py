"""One ticket as it is at an instant, though an agent works on it: its files, its branch and its kept work fit together.

A worktree fits the conversation while the agent waits for the model: every tool call has its answer. While a tool is at
work, the conversation is shown up to the reply that called it, with the worktree as it was then: as a kill would leave
it. Files are read in the order opposite to the one in which they are written.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightwork import records
from nightwork.agent.trajectory import Trajectory
from nightwork.batch import Attempt, Batch, TicketRef
from nightwork.errors import Infrastructure, StateError, Tampered
from nightwork.outcome import Outcome, Status
from nightwork.stages.attempt import attempt_of, keep_work
from nightwork.travel.files import content, mark, travelling
from nightwork.travel.names import AGENTS
from nightwork.workspace import OLD_WIP_PREFIX, WIP_PREFIX, Repository

_TRIES = 4
_PAUSE_S = 0.05
_WORKING = frozenset({"run", "edit"})  # the tools that change a worktree
_COMMAND = "C2 round"  # the stages of a command agent, which tells nothing while it works


class Unsteady(Exception):
    """A ticket cannot be pictured just now: its first tool is at work, on a worktree that nobody has kept."""


@dataclass(frozen=True)
class Picture:
    """A ticket: its files by path in the batch's folder, its refs, and how many lines of talk fit its kept work."""

    files: Mapping[str, str]
    refs: Mapping[str, str]
    attempt: int = 0
    lines: int = 0

    @property
    def kept(self) -> dict[str, str]:
        """The ref of the kept work, when there is any."""
        return {ref: at for ref, at in self.refs.items() if ref.startswith(WIP_PREFIX)}


def refs_of(repository: Repository, ticket: str) -> dict[str, str]:
    """Return the refs of a ticket with what they point at."""
    return repository.targets(WIP_PREFIX + ticket, f"{OLD_WIP_PREFIX}{ticket}/", AGENTS + ticket)


def take(batch: Batch, ticket: str, outcome: Outcome, former: Picture | None, idle_since: float | None) -> Picture:
    """Return a ticket as it is, or nearly so.

    `idle_since` is the time (as files have it) since when somebody may be at work; None when nobody is. Raises Unsteady
    when there is nothing that fits together.
    """
    below, repository = f"tickets/{ticket}", Repository(batch.repository)
    ref = TicketRef(str(batch.repository), batch.id, "", ticket, outcome.attempt)
    for _ in range(_TRIES):
        before = mark(batch.folder, below)
        with contextlib.suppress(FileNotFoundError):
            files = {path: content(batch.folder / path) for path, _ in travelling(batch.folder, below)}
            is_open = outcome.status is Status.PENDING and (ref.folder / "attempt.json").exists() and not ref.change
            if is_open and not _is_at_rest(ref, idle_since):
                return _shortened(ref, files, former, repository)
            kept = _kept(ref, is_idle=idle_since is None) if is_open else refs_of(repository, ticket)
            refs = {**refs_of(repository, ticket), **kept} if is_open else kept
            if is_open and not kept:
                refs.pop(WIP_PREFIX + ticket, None)
            if mark(batch.folder, below) == before:
                return Picture(repository.store(files), refs, outcome.attempt, _lines(ref, files))
        time.sleep(_PAUSE_S)
    return _shortened(ref, files, former, repository)


def _is_at_rest(ref: TicketRef, idle_since: float | None) -> bool:
    """Say whether no tool is at work in the worktree."""
    path = ref.folder / "trajectory.jsonl"
    if idle_since is None or not path.exists() or path.stat().st_mtime < idle_since:
        return True
    trajectory = Trajectory(path)
    if not trajectory.records:
        return True
    last = trajectory.records[-1]
    if str(last["stage"]).startswith(_COMMAND):
        return last["kind"] in {"accepted", "escalated"}
    return not trajectory.pending_calls()


def _kept(ref: TicketRef, *, is_idle: bool) -> dict[str, str]:
    """Keep the worktree as it is; returns the ref that holds it, and none when nothing was changed."""
    repository = Repository(Path(ref.repository))
    try:
        is_made = repository.is_our_worktree(ref.worktree)  # while it is being made, it is not the work
        commit = keep_work(ref) if is_made else repository.wip(ref.ticket, attempt_of(ref).parent)
    except (Infrastructure, Tampered, StateError, OSError, ValueError):
        if not is_idle:
            raise FileNotFoundError(ref.worktree) from None  # it is being changed: look again
        return {name: at for name, at in refs_of(repository, ref.ticket).items() if name.startswith(WIP_PREFIX)}
    if ref.change is not None:
        repository.drop_wip(ref.ticket)  # published meanwhile; whoever did so may have dropped it before it was kept
        return {}
    return {WIP_PREFIX + ref.ticket: commit} if commit else {}


def _shortened(ref: TicketRef, files: Mapping[str, bytes], former: Picture | None, repository: Repository) -> Picture:
    """Return a ticket with as much of its conversation as fits the worktree kept last, or the untouched one."""
    same = former if former and former.attempt == ref.attempt else None
    folder = f"tickets/{ref.ticket}/attempt-{ref.attempt}"
    name = f"{folder}/trajectory.jsonl"
    lines = files.get(name, b"").splitlines(keepends=True)
    if same is None and (ref.batch.continued(ref.ticket) or _has_kept_work(ref, repository)):
        raise Unsteady(ref.ticket)
    shown = {
        path: data for path, data in files.items() if path not in {f"{folder}/landing.json", f"{folder}/change.json"}
    }
    if lines:
        shown[name] = b"".join(lines[: _without_work(lines, same.lines if same else 0)])
    attempt = records.load(Attempt, ref.folder / "attempt.json")
    refs = {ref_: at for ref_, at in refs_of(repository, ref.ticket).items() if ref_.startswith(OLD_WIP_PREFIX)}
    refs |= {AGENTS + ref.ticket: attempt.head} if attempt and attempt.head else {}
    return Picture(repository.store(shown), refs | (same.kept if same else {}), ref.attempt, same.lines if same else 0)


def _has_kept_work(ref: TicketRef, repository: Repository) -> bool:
    return any(name.startswith(WIP_PREFIX) for name in refs_of(repository, ref.ticket))


def _without_work(lines: Sequence[bytes], start: int) -> int:
    """Return how many lines there are before the first, from `start` on, that tells of a change to the worktree."""
    tools: dict[str, str] = {}
    for number, line in enumerate(lines):
        try:
            record = json.loads(line)
        except ValueError:
            continue  # torn, and passed over by all who read it
        if record.get("kind") == "assistant":
            tools |= {call["id"]: call["name"] for call in record["message"]["calls"]}
        works = record.get("kind") == "intent" or tools.get(record.get("call_id", "")) in _WORKING
        if number >= start and (works or str(record.get("stage", "")).startswith(_COMMAND)):
            return number
    return len(lines)


def _lines(ref: TicketRef, files: Mapping[str, bytes]) -> int:
    return files.get(f"tickets/{ref.ticket}/attempt-{ref.attempt}/trajectory.jsonl", b"").count(b"\n")
