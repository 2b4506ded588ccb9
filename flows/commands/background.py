"""Runs in the background: by a worker of `nightwork up` when there is one, else each as a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.commands import ALL_DONE, note

if TYPE_CHECKING:
    from nightwork.batch import Batch
    from nightwork.settings import RunOptions

Background = Annotated[
    bool, Parameter(name=["--background", "-b"], negative="", help="begin, say how to follow it, and come back")
]
_BEGINS_WITHIN_S = 10.0
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


def is_to_begin(background: bool) -> bool:
    """Say whether a run is to be begun in the background: not in the process that was begun for it."""
    from nightwork.control import own_run

    return background and own_run() is None


def begin(
    operation: str,
    about: Sequence[object],
    root: Path,
    parameters: Mapping[str, Any],
    arguments: Sequence[str] = (),
) -> int:
    """Begin a run in the background; returns the exit code. All that can be wrong with it was looked at before.

    `operation` is the name of flow and deployment, `about` the rest of the run's id, `root` the repository or folder.
    `parameters` are those of the flow, with absolute paths, for a worker; a process of its own gets this command's
    line, with `arguments` behind it.
    """
    variables = dict(os.environ)  # with the keys, which `prepare` takes out
    by_worker = _by_worker(operation, about, root, parameters)
    name = by_worker or _by_process(operation, about, root, [*sys.argv[1:], *arguments], variables)
    print(name)
    how = "by the worker of `nightwork up`" if by_worker else "as a process of its own"
    note(f"it runs in the background, {how}; `nightwork logs {name} -f` follows it, `nightwork stop {name}` ends it")
    return ALL_DONE


def begin_overnight(batch: Batch, options: RunOptions, arguments: Sequence[str]) -> int:
    """Begin the night of a batch in the background; returns the exit code."""
    given = options.model_dump(mode="json", exclude_defaults=True)
    parameters = {"repo": str(batch.repository), "batch_id": batch.id, "options": given}
    return begin("overnight", [batch.id], batch.repository, parameters, arguments)


def _by_process(
    operation: str, about: Sequence[object], root: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> str:
    import time

    from nightwork.control.detached import free_run

    run = free_run(root, _names(operation, about), is_specs=operation == "module-specs")
    run.begin([sys.executable, "-P", "-m", "flows.cli", *arguments], variables, Path.cwd())
    deadline = time.monotonic() + _BEGINS_WITHIN_S
    while not run.note.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return run.name


def _names(operation: str, about: Sequence[object]) -> Iterator[str]:
    """Yield ids for a run that begins now; two of one second would have one."""
    from nightwork.run_id import run_id

    at = datetime.now().astimezone()
    for later in range(100):
        yield run_id(operation, about, at + timedelta(seconds=later))


def _by_worker(operation: str, about: Sequence[object], root: Path, parameters: Mapping[str, Any]) -> str | None:
    """Begin a run of the deployment when a worker of this machine takes it; returns its id, None without a worker."""
    from nightwork.control.room import living_workers

    workers = living_workers()
    if not workers:
        return None
    keys = {name: os.environ.get(name) for name in _KEYS}
    from flows import console

    console.prepare(verbose=False)
    from flows.tracking import beginning

    worker = beginning.worker_in_use(workers)
    name = next(_names(operation, about))
    if worker is None or not beginning.begin(operation, name, parameters, root):
        return None
    if any(value and value != worker.variable(key) for key, value in keys.items()):
        note("the key of this shell is not the worker's, which is the one that counts; `nightwork down`, then `up`")
    return name
