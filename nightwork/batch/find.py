"""Which batches a repository holds, and which one a command is about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from nightwork.agent import check_agent, refuse_unconfined
from nightwork.batch.folder import Batch
from nightwork.errors import Infrastructure, bad_input
from nightwork.manifest import BatchStatus
from nightwork.settings import RunOptions, Settings
from nightwork.settings import load as load_settings
from nightwork.ticket import check_id
from nightwork.workspace import Repository


def batches(repository: Path) -> list[Batch]:
    """Return the batches of a repository, oldest first."""
    return [batch for _, batch in sorted(_dated(repository), key=lambda pair: pair[0])]


def _dated(repository: Path) -> Iterator[tuple[tuple[float, str], Batch]]:
    folder = repository / ".nightwork" / "batches"
    for path in folder.iterdir() if folder.is_dir() else ():
        batch = Batch(repository, path.name)
        if batch.exists():
            yield (batch.manifest().created_at.timestamp(), batch.id), batch


def newest(repository: Path, *statuses: BatchStatus) -> Batch | None:
    """Return the newest batch in one of the given statuses (any when none is given); None when there is none."""
    found = [batch for batch in batches(repository) if not statuses or batch.manifest().status in statuses]
    return found[-1] if found else None


def newest_with(repository: Path, ticket: str) -> Batch | None:
    """Return the newest batch that admitted a ticket; None when none did."""
    found = [batch for batch in batches(repository) if ticket in batch.state().items]
    return found[-1] if found else None


def open_batch(repo: str, batch_id: str | None, *statuses: BatchStatus) -> Batch:
    """Return a batch by id, or the newest one in one of the statuses (any when none is given).

    Raises BadInput when there is none.
    """
    batch = find_batch(repo, batch_id, *statuses)
    if batch is None:
        wanted = f" that is {' or '.join(statuses)}" if statuses else ""
        raise bad_input(Path(repo).resolve().name, f"there is no batch{wanted}; `nightwork run` starts one")
    return batch


def find_batch(repo: str, batch_id: str | None, *statuses: BatchStatus) -> Batch | None:
    """Return a batch by id, or the newest one in one of the statuses (any when none is given); None when none is.

    Raises BadInput for an id that no batch has.
    """
    root = Repository.open(Path(repo)).root
    if batch_id is None:
        return newest(root, *statuses)
    batch = Batch(root, check_batch_id(batch_id))
    batch.manifest()
    return batch


def start_batch(repo: str, batch_id: str | None, options: RunOptions) -> tuple[Batch, Settings]:
    """Return the batch that a run is about, which need not exist yet, and the settings of the run.

    Without an id it is a new one, named by the local date. Raises BadInput for bad settings and ids.
    """
    root = Repository.open(Path(repo)).root
    settings = load_settings(root, options.flags())
    check_agent(settings, root)
    refuse_unconfined(settings.agent, settings.sandbox)
    name = free_id(root, date.today()) if batch_id is None else check_batch_id(batch_id)
    return Batch(root, name), settings


def free_id(repository: Path, today: date) -> str:
    """Return `<date>-overnight`, or with `-2`, `-3`, ... when that one is taken."""
    name = f"{today.isoformat()}-overnight"
    number = 1
    while (repository / ".nightwork" / "batches" / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return name if number == 1 else f"{name}-{number}"


def check_batch_id(name: str) -> str:
    """Return a batch id that is safe as a folder's name; raises BadInput for others."""
    try:
        return check_id(name)
    except ValueError as error:
        raise bad_input(f"batch id {name!r}", str(error)) from error


def check_disk(root: Path, settings: Settings) -> None:
    """Raise Infrastructure when the disk has less room than a run should start with."""
    free_mb = shutil.disk_usage(root).free // 1_000_000
    if free_mb < settings.batch.min_free_mb:
        wanted = f"batch.min_free_mb asks for {settings.batch.min_free_mb:,}"
        raise Infrastructure(
            "disk", f"{free_mb:,} MB free at {root.name}; {wanted}; make room, then run or resume again"
        )
