"""What agents and gates need installed: prepared once by the setup command of the settings, with network.

One folder for each digest of the command and of the lock files, as they are on the base commit: a change never chooses
what is installed. A note beside the folder, written last, says that it is whole; without it the folder is made anew.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from nightwork.duration import format_duration
from nightwork.errors import Infrastructure
from nightwork.files import remove_tree, write_atomically
from nightwork.gates.flags import matches
from nightwork.llm import credentials
from nightwork.sandbox import Confinement, Run, is_confined, named_files, open_sandbox
from nightwork.sandbox.confinement import DEFAULT
from nightwork.settings import EnvironmentSettings
from nightwork.workspace import Repository

# Part of the digest: raise it when a prepared folder changes its meaning.
VERSION = "2"

_lock = threading.Lock()


def digest(repository: Repository, settings: EnvironmentSettings, base: str, confinement: Confinement = DEFAULT) -> str:
    """Return what tells one environment from another; '' when the settings prepare none.

    Files of an environment name its own paths, which are others in the sandbox.
    """
    if not settings.setup:
        return ""
    blobs = repository.blobs(base)
    locked = [f"{path}\0{blob}" for path, blob in sorted(blobs.items()) if matches(path, settings.lock_files)]
    place = "confined" if is_confined(confinement) else "unconfined"
    parts = [VERSION, place, str(len(settings.setup)), *settings.setup, *locked]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def folder_of(
    repository: Repository, settings: EnvironmentSettings, base: str, confinement: Confinement = DEFAULT
) -> Path | None:
    """Return where the environment of a base commit belongs, prepared or not; None when the settings prepare none."""
    name = digest(repository, settings, base, confinement)
    return repository.root / ".nightwork" / "environments" / name if name else None


def is_prepared(folder: Path) -> bool:
    """Say whether an environment is whole."""
    return folder.is_dir() and _note(folder).exists()


def prepare(
    repository: Repository, settings: EnvironmentSettings, base: str, confinement: Confinement = DEFAULT
) -> Path | None:
    """Return the folder of the environment, made when it is not there; None when the settings prepare none.

    Only for whoever holds the run lock; of several threads one makes it and the others wait. Raises Infrastructure
    with the end of what the setup printed when it fails or runs out of its time.
    """
    folder = folder_of(repository, settings, base, confinement)
    with _lock:
        if folder is not None and not is_prepared(folder):
            _make(repository, settings, base, folder, confinement)
    return folder


def _make(
    repository: Repository, settings: EnvironmentSettings, base: str, folder: Path, confinement: Confinement
) -> None:
    checkout = repository.root / ".nightwork" / "worktrees" / f".environment-{folder.name}" / "setup"
    _note(folder).unlink(missing_ok=True)
    _remove(folder)
    folder.mkdir(parents=True)
    repository.remove_worktree(checkout)
    try:
        repository.add_worktree(checkout, base)
        _run(repository, settings, checkout, folder, confinement)
        write_atomically(_note(folder), base + "\n")
    finally:
        repository.remove_worktree(checkout)


def _run(
    repository: Repository, settings: EnvironmentSettings, checkout: Path, folder: Path, confinement: Confinement
) -> None:
    run = Run(
        settings.setup,
        checkout,
        variables=credentials.variables(settings.pass_env),
        timeout_s=settings.timeout.total_seconds(),
        network=True,
        writable=(folder,),
        visible=named_files(settings.setup),
    )
    finished = open_sandbox(repository.root / ".nightwork", folder, confinement).run(run)
    if finished.exit_code == 0 and folder.is_dir():
        return
    _remove(folder)
    told = f"exited {finished.exit_code}" if finished.exit_code else "removed $NIGHTWORK_ENVIRONMENT, its own folder"
    if finished.limit:
        told = f"took {finished.limit}"
    elif finished.exit_code is None:
        limit = format_duration(settings.timeout)
        told = f"ran out of its {limit} (environment.timeout)" if finished.timed_out else "could not be started"
    said = finished.tail(1000) or "it printed nothing"
    raise Infrastructure("environment.setup", f"`{' '.join(settings.setup)}` {told}; mend it, then resume: {said}")


def _note(folder: Path) -> Path:
    return folder.with_name(folder.name + ".whole")


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        remove_tree(folder)
    else:
        folder.unlink(missing_ok=True)
