"""The clean checkout in which gates run.

Tests run the code of the change, which may write to the checkout whatever it likes. So they run last, and what runs
after them, a rerun too, gets a checkout made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nightwork.files import make_ignored
from nightwork.gate_settings import Measure
from nightwork.gates.flags import matches
from nightwork.gates.tricks import instruction_files
from nightwork.settings import Settings
from nightwork.workspace import Repository


class Checkout:
    """A checkout of a commit with the gate configuration of `base`, there while the context lasts."""

    def __init__(self, repository: Repository, path: Path, commit: str, base: str, settings: Settings) -> None:
        self._repository = repository
        self._path = path
        self._commit = commit
        self._base = base
        self._config = _gate_config(repository, settings, commit, base)
        self._is_clean = False

    def __enter__(self) -> Self:
        make_ignored(self._repository.root / ".nightwork")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._repository.remove_worktree(self._path)

    @staticmethod
    def order(measures: Sequence[Measure]) -> list[int]:
        """Return in which order to run gates, as places in `measures`: tests last."""
        return sorted(range(len(measures)), key=lambda number: measures[number] is Measure.TESTS)

    def ready_for(self, measures: Measure) -> None:
        """See to a checkout that no test has run in."""
        if not self._is_clean:
            self._repository.remove_worktree(self._path)
            self._repository.add_worktree(self._path, self._commit)
            self._repository.restore(self._path, self._base, self._config)
        self._is_clean = measures is not Measure.TESTS


def _gate_config(repository: Repository, settings: Settings, commit: str, base: str) -> list[str]:
    """Return the paths of gate configuration: those at the top, and those that differ from the base anywhere below."""
    names = (*settings.gate_config, *instruction_files(settings.gates))
    changed = [path for file in repository.changes(base, commit) for path in (file.path, file.old_path) if path]
    return [*settings.gate_config, *(path for path in changed if matches(path, names))]
