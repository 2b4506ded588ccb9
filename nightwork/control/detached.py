"""Runs in the background: each a process of the command that was given, known by its note, with all that it says.

Both stand in `.nightwork/runs/` of the repository or folder; of a plain folder's specs, beside their state. A run is
told its id and where its output goes by a variable, the path of that file.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightwork.control.outliving import Outliving, variable_of
from nightwork.errors import BadInput, bad_input
from nightwork.files import make_ignored
from nightwork.module_spec.purse import STATE
from nightwork.sandbox.process import start_outliving
from nightwork.workspace import Repository

VARIABLE = "_NIGHTWORK_RUN"  # what begins with NIGHTWORK_ is a setting
WISH = signal.SIGINT  # that it ends, and keeps everything
_OUTPUT = ".output"
_RUNS = "runs"
_STATE = ".nightwork"


@dataclass(frozen=True)
class Detached(Outliving):
    """A run in the background; its name is the id of the run."""

    @property
    def log(self) -> Path:
        """Where all that it says is kept, from before Prefect is up."""
        return self.folder / f"{self.name}{_OUTPUT}"

    def pid(self) -> int | None:
        """Return its id while it lives; a process that was not started as this run is none, whatever the note says."""
        process_id = super().pid()
        told = variable_of(process_id, VARIABLE)
        return process_id if told and Path(told).resolve() == self.log.resolve() else None

    def begin(self, command: Sequence[str], variables: Mapping[str, str], here: Path) -> None:
        """Start it in the folder in which the command was given; its log is there since `free_run`."""
        start_outliving(command, here, {**variables, VARIABLE: str(self.log)}, self.log, self.note)


def runs_folder(root: Path, is_specs: bool = False) -> Path:
    """Return where the runs of a repository are noted; those of specs of a plain folder write nothing but specs."""
    try:
        return Repository.open(root).root / _STATE / _RUNS
    except BadInput:
        return root.resolve() / (STATE if is_specs else _STATE) / _RUNS


def free_run(root: Path, names: Iterable[str], is_specs: bool = False) -> Detached:
    """Take the first of some names that no run has yet; the folder is made, for nobody else to read.

    Raises BadInput when that would be elsewhere, behind a link.
    """
    folder = runs_folder(root, is_specs)
    make_ignored(folder.parent)
    if folder.parent.is_symlink() or folder.is_symlink():
        raise bad_input(folder, "is a link; put a folder there, or remove it")
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return next(run for run in (Detached(folder, name) for name in names) if _is_taken(run.log))


def _is_taken(log: Path) -> bool:
    """Make an output that nobody else may read; says whether it was free."""
    try:
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def noted_runs(root: Path) -> list[Detached]:
    """Return the runs that were begun in the background there, oldest first; none where nothing was."""
    root = root.resolve()
    folders = {runs_folder(root), root / _STATE / _RUNS, root / STATE / _RUNS}
    outputs = [(at, path.name, path.parent) for folder in folders for path, at in _outputs(folder)]
    return [Detached(parent, name.removesuffix(_OUTPUT)) for _, name, parent in sorted(outputs)]


def _outputs(folder: Path) -> Iterator[tuple[Path, float]]:
    """Yield the outputs of a folder with when they were last written; links, folders and what is gone are none."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.name.endswith(_OUTPUT) and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.stat(follow_symlinks=False).st_mtime


def is_output(path: Path, name: str) -> bool:
    """Say whether a path that somebody has told can be the output of a run of this name, and of nothing else."""
    is_named_so = path.parent.name == _RUNS and path.name == f"{name}{_OUTPUT}"
    return is_named_so and path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def own_run(environment: Mapping[str, str] = os.environ) -> Detached | None:
    """Return the run in the background that this process is; None for a command in the foreground."""
    path = Path(environment.get(VARIABLE, ""))
    return Detached(path.parent, path.name.removesuffix(_OUTPUT)) if path.is_absolute() else None
