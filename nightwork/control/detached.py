"""Runs in the background: each a process of the command that was given, known by its note, with all that it says.

Both stand in `.nightwork/runs/` of the repository; of a plain folder, beside the state of its module specs. A run is
told its id and where its output goes by a variable, the path of that file.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightwork.control.outliving import Outliving
from nightwork.errors import BadInput
from nightwork.files import make_ignored
from nightwork.module_spec.purse import STATE
from nightwork.sandbox.process import start_outliving
from nightwork.workspace import Repository

VARIABLE = "_NIGHTWORK_RUN"  # what begins with NIGHTWORK_ is a setting
WISH = signal.SIGINT  # that it ends, and keeps everything
_OUTPUT = ".output"
_RUNS = "runs"


@dataclass(frozen=True)
class Detached(Outliving):
    """A run in the background; its name is the id of the run."""

    @property
    def log(self) -> Path:
        """Where all that it says is kept, from before Prefect is up."""
        return self.folder / f"{self.name}{_OUTPUT}"

    def begin(self, command: Sequence[str], variables: Mapping[str, str], here: Path) -> None:
        """Start it in the folder in which the command was given; nobody else may read what it says."""
        self.log.touch(mode=0o600)
        start_outliving(command, here, {**variables, VARIABLE: str(self.log)}, self.log, self.note)


def runs_folder(root: Path) -> Path:
    """Return where the runs of a repository, or of a plain folder, are noted."""
    try:
        return Repository.open(root).root / ".nightwork" / _RUNS
    except BadInput:
        return root.resolve() / STATE / _RUNS


def free_run(root: Path, names: Iterable[str]) -> Detached:
    """Return the first of some names that no run has yet; the folder is made, for nobody else to read."""
    folder = runs_folder(root)
    make_ignored(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return next(run for run in (Detached(folder, name) for name in names) if not run.log.exists())


def noted_runs(root: Path) -> list[Detached]:
    """Return the runs that were begun in the background there, oldest first; none where nothing was."""
    root = root.resolve()
    folders = {runs_folder(root), root / ".nightwork" / _RUNS, root / STATE / _RUNS}
    outputs = [path for folder in folders if folder.is_dir() for path in folder.glob(f"*{_OUTPUT}")]
    outputs.sort(key=lambda path: (path.stat().st_mtime, path.name))
    return [Detached(path.parent, path.name.removesuffix(_OUTPUT)) for path in outputs]


def own_run(environment: Mapping[str, str] = os.environ) -> Detached | None:
    """Return the run in the background that this process is; None for a command in the foreground."""
    path = Path(environment.get(VARIABLE, ""))
    return Detached(path.parent, path.name.removesuffix(_OUTPUT)) if path.is_absolute() else None
