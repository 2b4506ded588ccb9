"""Where a version is audited: a copy of the track in which it lies in its place, while the track is as it was.

The track's own command judges, in the sandbox; what it writes, and what it may do to the copy, is thrown away. Copies
are used again: to bring one up to date costs a look at each file, to make one of a thousand lessons a second.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import beneath
from nightwork.errors import Infrastructure
from nightwork.files import remove_tree
from nightwork.markdown import printable
from nightwork.redact import Redacted
from nightwork.sandbox import Finished, Run, Sandbox, named_files
from nightwork.track.definition import Audit
from nightwork.track.track import Module, Track
from nightwork.track.versions import Version

_LEFT_OUT = frozenset({".git", ".nightwork", ".checkpoints", "__pycache__", ".venv", "node_modules"})
_OUTPUT = 200_000
_TOLD = 6_000
_TICK_NS = 20_000_000  # more than a tick of any kernel, by which file times move


class Audited(BaseModel):
    """What the audit says of a version; `told` is the end of what it printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    told: Redacted = ""


class Desks:
    """Audits versions of a track's modules, several at a time, each at a desk of its own below `folder`."""

    def __init__(self, track: Track, sandbox: Sandbox, folder: Path) -> None:
        self._track = track
        self._sandbox = sandbox
        self._folder = folder
        self._free: queue.SimpleQueue[_Copy] = queue.SimpleQueue()

    def audit(self, module: Module, version: Version) -> Audited:
        """Run the audit command of the track over a version of a module; may be called from any thread.

        Raises Infrastructure when the command cannot be started: what was not audited is neither good nor bad.
        """
        track, command = self._track, self._track.definition.audit
        assert command is not None
        files = {what: path.relative_to(track.folder).as_posix() for what, path in module.files().items()}
        words = command.words({**files, "number": str(module.number), "name": module.name, "track": track.name})
        with self._desk(module, version) as desk:
            run = Run(
                command=words,
                folder=desk,
                timeout_s=command.timeout.total_seconds(),
                output_limit=_OUTPUT,
                network=command.network,
                visible=named_files(words),
            )
            return _judged(self._sandbox.run(run), command)

    def clear(self) -> None:
        """Remove all desks, those of a killed run too."""
        remove_tree(self._folder)

    @contextlib.contextmanager
    def _desk(self, module: Module, version: Version) -> Iterator[Path]:
        try:
            copy = self._free.get_nowait()
        except queue.Empty:
            self._folder.mkdir(parents=True, exist_ok=True)
            copy = _Copy(Path(tempfile.mkdtemp(prefix="desk-", dir=self._folder)))
        try:
            copy.bring_up_to_date(self._track.folder)
            for what, text in version.texts.items():
                if text is not None:
                    place = module.files()[what].relative_to(self._track.folder)
                    beneath.replace(copy.folder, place, text.encode(), self._folder)
        except (OSError, ValueError) as error:
            raise Infrastructure("the audit's copy of the track", f"cannot be made: {error}") from error
        try:
            yield copy.folder
        finally:
            self._free.put(copy)


def _judged(finished: Finished, command: Audit) -> Audited:
    said = printable(finished.tail(_TOLD))
    if finished.timed_out:
        return Audited(passed=False, told=f"the audit took more than {command.timeout.total_seconds():.0f} s\n{said}")
    if finished.limit:
        return Audited(passed=False, told=f"the audit broke a limit: {finished.limit}\n{said}")
    if finished.exit_code is None:
        raise Infrastructure("the audit", said or "could not be started")
    return Audited(passed=finished.exit_code == 0, told=said)


class _Copy:
    """A copy of a folder that is brought up to date, whatever was done to it meanwhile.

    A file counts as untouched when it is the one that was put there and its ctime has not moved, which no program can
    set: size, mode and mtime can all be given back. One that was put there just now may have moved within one tick.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._put = dict[str, tuple[int, int]]()

    def bring_up_to_date(self, source: Path) -> None:
        """Let it hold what the source holds; what comes and goes meanwhile is left out."""
        self._fill(source, self.folder)
        settled = time.time_ns() - _TICK_NS
        self._put = {path: (inode, ctime) for path, (inode, ctime) in self._put.items() if ctime < settled}

    def _fill(self, source: Path, copy: Path) -> None:
        there = _entries(copy)
        wanted = {name: entry for name, entry in _entries(source).items() if not _is_left_out(name)}
        for name in there.keys() - wanted.keys():
            _remove(copy / name)
        for name, entry in wanted.items():
            with contextlib.suppress(FileNotFoundError):
                self._copy(entry, there.get(name), copy / name)

    def _copy(self, entry: os.DirEntry[str], there: os.DirEntry[str] | None, to: Path) -> None:
        if entry.is_dir(follow_symlinks=False):
            if there is not None and not there.is_dir(follow_symlinks=False):
                _remove(to)
            to.mkdir(exist_ok=True)
            to.chmod(0o755)
            self._fill(Path(entry.path), to)
        elif there is None or _mark(entry) != _mark(there) or self._put.get(str(to)) != _identity(there.path):
            _remove(to)
            if entry.is_symlink() or entry.is_file():  # a pipe or a socket would be waited for
                shutil.copy2(entry.path, to, follow_symlinks=False)
                self._put[str(to)] = _identity(to)


def _identity(path: Path | str) -> tuple[int, int]:
    told = os.lstat(path)
    return told.st_ino, told.st_ctime_ns


def _mark(entry: os.DirEntry[str]) -> tuple[int, ...]:
    """Return what differs between two files unless one is the other's copy."""
    told = entry.stat(follow_symlinks=False)
    return stat.S_IFMT(told.st_mode), stat.S_IMODE(told.st_mode), told.st_size, told.st_mtime_ns


def _entries(folder: Path) -> dict[str, os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return {entry.name: entry for entry in entries}


def _is_left_out(name: str) -> bool:
    return name in _LEFT_OUT or (name.startswith(".nightwork-") and name.endswith(".tmp"))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)
