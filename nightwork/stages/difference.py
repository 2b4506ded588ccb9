"""What differs between a change and the commit that it stands on, read from git once."""

from __future__ import annotations

from functools import cached_property

from nightwork.gates.source import MAX_SOURCE
from nightwork.gates.tricks import Edited
from nightwork.workspace import Repository


class Difference:
    """The sources of two commits, as far as the gates ask for them."""

    def __init__(self, repository: Repository, origin: str, commit: str) -> None:
        self.repository = repository
        self.origin = origin
        self.commit = commit
        self.files = repository.changes(origin, commit)
        self._old = {file.path: file.old_path for file in self.files if file.old_path}
        self._lines: dict[tuple[str, str], list[str]] = {}

    def old_path(self, path: str) -> str:
        """Return the path that a renamed file had before."""
        return self._old.get(path, path)

    def line_before(self, path: str, line: int) -> str:
        """Return the text of a line before the change; '' when there is none."""
        return self._line(self.origin, path, line)

    def line_after(self, path: str, line: int) -> str:
        """Return the text of a line after the change; '' when there is none."""
        return self._line(self.commit, path, line)

    @cached_property
    def edits(self) -> list[Edited]:
        """Every changed file with its sources and its changed lines."""
        lines = self.repository.line_changes(self.origin, self.commit, self.files, MAX_SOURCE)
        read = self.repository.read
        return [
            Edited(
                file,
                before=read(self.origin, self.old_path(file.path)),
                after=read(self.commit, file.path),
                lines=lines.get(file.path),
            )
            for file in self.files
        ]

    def copies(self) -> dict[str, str]:
        """Return the new files that are nearly the same as an old one, with that one."""
        has_new = any(file.status[0] == "A" for file in self.files)
        return self.repository.copies(self.origin, self.commit) if has_new else {}

    def paths(self) -> frozenset[str]:
        """Return all files after the change."""
        return frozenset(self.repository.blobs(self.commit))

    def _line(self, commit: str, path: str, line: int) -> str:
        if (commit, path) not in self._lines:
            source = self.repository.read(commit, path) or b""
            self._lines[commit, path] = source.decode("utf-8", "replace").splitlines()
        lines = self._lines[commit, path]
        return lines[line - 1] if 0 < line <= len(lines) else ""
