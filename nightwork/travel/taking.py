"""Puts the state of a batch that a remote holds in the place of the local one: whole, or not at all.

What comes from a remote is data: a tree of plain files with plain names and bounded sizes, of this batch. What names
programs to run, the batch's settings, is not taken over but read anew from the repository, as on any resume.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from nightwork.batch import Batch, check_batch_id
from nightwork.checkpoint import load_checkpoint
from nightwork.decision import Decision, DecisionLog
from nightwork.errors import BadInput, StateError
from nightwork.files import make_ignored, remove_tree, write_atomically
from nightwork.manifest import load_manifest
from nightwork.settings import RunOptions
from nightwork.travel.files import SETTINGS, mark, refuse_unsafe, write_new
from nightwork.travel.names import BATCHES, Note
from nightwork.workspace import Repository
from nightwork.workspace.stored import Stored

logger = logging.getLogger("nightwork.travel")

DECISIONS = "decisions.jsonl"


def check_name(name: str) -> str:
    """Return the id of a batch that a remote names; raises StateError for what is none."""
    try:
        return check_batch_id(name)
    except BadInput as error:
        raise StateError(f"{BATCHES}{name}", f"is no batch: {error}", "delete it from the remote") from None


def entries_of(repository: Repository, commit: str, batch: str) -> list[Stored]:
    """Return the files of a state that a remote holds; raises StateError when one must not be written here."""
    entries = repository.stored(commit)
    refuse_unsafe(entries, f"batch {batch!r} of the remote")
    return entries


def decisions_in(repository: Repository, commit: str, batch: str) -> list[Decision]:
    """Return the decisions in a state that a remote holds; raises StateError when they cannot be trusted."""
    found = [entry for entry in entries_of(repository, commit, batch) if entry.path == DECISIONS]
    if not found:
        return []
    with tempfile.TemporaryDirectory(prefix="nightwork-decisions-") as folder:
        path = Path(folder) / DECISIONS
        path.write_bytes(repository.read_blobs({found[0].blob: found[0].size or 0})[found[0].blob])
        return DecisionLog(path).all()


def put_in_place(
    repository: Repository, batch: Batch, entries: Mapping[str, Stored], note: Note, aside: Path | None
) -> None:
    """Make the batch's folder hold these files; what stood there is moved `aside`, or goes when it is None."""
    staging = batch.state_folder / "arriving" / batch.id
    for path in (staging, old := staging.with_name(f"{batch.id}.old")):
        remove_tree(path)
    make_ignored(batch.state_folder)
    staging.mkdir(parents=True)
    sizes = {entry.blob: entry.size or 0 for entry in entries.values()}
    contents = repository.read_blobs(sizes)
    write_new(staging, {path: contents[entry.blob] for path, entry in entries.items()})
    _refuse_foreign(staging, batch.id)
    has_settings = (batch.folder / SETTINGS).is_file()
    if has_settings:
        shutil.copy2(batch.folder / SETTINGS, staging / SETTINGS)
    batch.folder.parent.mkdir(exist_ok=True)
    if batch.folder.exists():
        batch.folder.rename(old)
    staging.rename(batch.folder)
    if old.exists():
        _move_or_remove(old, aside)
    for ticket in batch.state().items:
        repository.remove_worktree(batch.worktree(ticket))
    if not has_settings:
        _settle_settings(batch, note)


def _move_or_remove(old: Path, aside: Path | None) -> None:
    if aside is None:
        remove_tree(old)
    else:
        aside.parent.mkdir(parents=True, exist_ok=True)
        old.rename(aside)


def _refuse_foreign(folder: Path, batch: str) -> None:
    """Raise StateError unless the files are the state of the batch that they were kept as."""
    try:
        manifest, state = load_manifest(folder / "manifest.yaml"), load_checkpoint(folder / "checkpoint.json")
        problem = None if state else "has no checkpoint.json"
        if state and (manifest.batch_id, state.batch_id) != (batch, batch):
            problem = f"is of batch {manifest.batch_id!r}"
    except (BadInput, StateError, OSError) as error:
        problem = str(error)
    if problem:
        raise StateError(f"batch {batch!r} of the remote", problem, "it was not taken over; look at who pushed it")


def _settle_settings(batch: Batch, note: Note) -> None:
    try:
        batch.settle_settings(RunOptions(tickets=note.tickets))
    except BadInput as error:
        logger.warning("the settings of %s are not known: %s", batch.id, error)


def aside_name(batch: Batch) -> str:
    """Return a name for what is overruled of a batch; none has it yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name, number = f"{batch.id}-{stamp}", 1
    while (batch.state_folder / "aside" / name).exists():
        number += 1
        name = f"{batch.id}-{stamp}-{number}"
    return name


def is_in_step(batch: Batch, commit: str | None) -> bool:
    """Say whether no file of a batch has changed since it was in step with a commit."""
    try:
        noted = json.loads(_seal(batch).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return commit is not None and noted == [commit, mark(batch.folder)]


def note_in_step(batch: Batch, commit: str, marked: str) -> None:
    """Note that a batch's files, as they were when they were `marked`, are those of a commit."""
    write_atomically(_seal(batch), json.dumps([commit, marked]), flush=False)


def _seal(batch: Batch) -> Path:
    return batch.state_folder / "in-step" / f"{batch.id}.json"


def local_batches(root: Path) -> list[str]:
    """Return the ids of the batches that have a folder here."""
    folder = root / ".nightwork" / "batches"
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []
