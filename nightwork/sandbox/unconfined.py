"""The plain runner: a clean environment, a time limit and an output limit, but no confinement."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nightwork.files import refuse_full_disk
from nightwork.sandbox.process import NoGuard, Start, run_to_end
from nightwork.sandbox.run import Finished, Run
from nightwork.sandbox.variables import clean_variables, search_path


class Unconfined:
    """Runs commands as the user, with a private home and none of the user's variables but the search path.

    They see the prepared environment, and nothing keeps them from writing to it.
    """

    name = "unconfined"

    def __init__(self, notes: Path, environment: Path | None = None) -> None:
        self._notes = notes
        self._environment = environment

    def inside(self, run: Run) -> str:
        """Return where a command sees its folder: where it is."""
        return str(run.folder)

    def run(self, run: Run) -> Finished:
        """Run a command to its end; its process group is ended at the time limit, on stop, and on return."""
        with tempfile.TemporaryDirectory(prefix="nightwork-home-", ignore_cleanup_errors=True) as home:
            variables = clean_environment(home, self._environment)
            variables |= {name: str(value) for name, value in run.variables.items()}
            finished = run_to_end(
                Start(tuple(map(str, run.command)), run.folder, variables), run, self._notes, NoGuard()
            )
            if finished.exit_code != 0:
                for folder in (run.folder, Path(home)):
                    refuse_full_disk(folder, f"{run.command[0]!r} failed there")
            return finished


def clean_environment(home: str, prepared: Path | None = None) -> dict[str, str]:
    """Return the variables that every command sees; `prepared` tools come first on the path."""
    path = search_path([str(prepared / "bin")] if prepared else [])
    return clean_variables(path, home, home, str(prepared) if prepared else None)
