"""The specs on disk: what is written there is the state of the project, there is no second record of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightwork.errors import Infrastructure, NightworkError, bad_input
from nightwork.files import files_below
from nightwork.module_spec.document.comment import read_kept
from nightwork.module_spec.document.header import Header, IndexHeader, read_header, read_index_header, split, text_hash
from nightwork.module_spec.document.paths import INDEX, SUFFIX, spec_path
from nightwork.module_spec.source.files import plain_bytes
from nightwork.module_spec.source.project import Unit
from nightwork.module_spec.source.units import LOGS, SPECS

LARGEST_SPEC = 50_000_000  # bytes; nothing of ours comes near it
_LARGEST_CHECKPOINT = 500_000_000
CHECKPOINT = f"{SPECS}/.reverse-spec-checkpoint.json"


class NoPlace(NightworkError):
    """A spec cannot be written where it belongs: (path, why)."""

    def __str__(self) -> str:
        return ": ".join(str(argument) for argument in self.args)


@dataclass(frozen=True)
class Written:
    """One spec as it stands on disk."""

    header: Header
    is_edited: bool
    purpose: str  # what the module is for, in one line
    interface: str  # what its dependents are shown, where a model has had a part in that

    @classmethod
    def of(cls, text: str) -> Written | None:
        """Return what a spec's text holds; None when it is none of ours."""
        found = read_header(text)
        if found is None:
            return None
        header, rest = found
        return cls(header, header.text_hash != text_hash(rest), *(read_kept(rest) or ("", "")))


class Specs:
    """The folder of specs of a project."""

    def __init__(self, root: Path) -> None:
        self.folder = root / SPECS
        self._plain = {root}  # folders that were looked at

    def path(self, unit: Unit) -> Path:
        """Return the file of a unit's spec; raises NoPlace where none can stand, or a link would lead elsewhere."""
        path = self.folder / spec_path(unit.path)
        folder = path.parent
        while folder not in self._plain:
            if folder.is_symlink():
                raise NoPlace(folder, "is a symbolic link; specs are written to plain folders only, remove it")
            self._plain.add(folder)
            folder = folder.parent
        try:
            if stat.S_ISDIR(path.lstat().st_mode):
                raise NoPlace(path, "is a folder where the spec would stand; move it away")
        except FileNotFoundError:
            return path
        except OSError as error:
            raise NoPlace(path, str(error)) from error
        return path

    def read(self, unit: Unit) -> Written | None:
        """Return a unit's spec; None when there is none that can be read."""
        written = _written(self.folder / spec_path(unit.path))
        return written if written and written.header.source_target == unit.path else None

    def read_all(self, units: Mapping[str, Unit]) -> tuple[dict[str, Written], set[str]]:
        """Return all specs that can be read, by unit, and the units in whose place a file of somebody's stands."""
        found: dict[str, Written] = {}
        foreign: set[str] = set()
        for path, unit in units.items():
            text = _text(self.folder / spec_path(path)) or ""
            written = Written.of(text) if text else None
            if written and written.header.source_target == unit.path:
                found[path] = written
            elif _is_somebodys(text):
                foreign.add(path)
        return found, foreign

    def read_index(self) -> IndexHeader | None:
        """Return the front matter of the index; None when there is none, or it is not as it was written."""
        text = _text(self.folder / INDEX)
        return read_index_header(text) if text is not None else None

    def others(self, units: Mapping[str, Unit]) -> Iterator[tuple[Path, Written]]:
        """Yield the specs of modules that are gone, sorted; files that are none of ours are left alone."""
        known = {spec_path(unit.path) for unit in units.values()} | {INDEX}
        for path in sorted(files_below(self.folder, SUFFIX)):
            if path.relative_to(self.folder).as_posix() not in known and (written := _written(path)):
                yield path, written


def checked_root(root: str | Path) -> Path:
    """Return the folder of a project; raises BadInput for what is none."""
    folder = Path(root).resolve()
    if not folder.is_dir():
        raise bad_input(root, "is no folder; expected the root of a project")
    return folder


def checked_checkpoint(root: Path, checkpoint_path: str | Path) -> Path:
    """Return where the checkpoint is kept; raises BadInput for a place outside of specs/ and drift-logs/."""
    path = (root / checkpoint_path).resolve()
    if not any(path.is_relative_to(root / name) and path != root / name for name in (SPECS, LOGS)):
        raise bad_input(checkpoint_path, f"is outside of {SPECS}/ and {LOGS}/, where alone anything is written")
    if path.exists() and (not path.is_file() or path.stat().st_size > _LARGEST_CHECKPOINT):
        raise bad_input(checkpoint_path, "is no plain file of a checkpoint's size; move it away")
    return path


def refuse_odd_folders(root: Path, folders: Iterable[str]) -> None:
    """Raise BadInput where links or files stand in the place of our folders, Infrastructure where nobody may write."""
    for folder in (root / name for name in folders):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise bad_input(folder, "is no plain folder; specs are written below it, move it away")
        if not os.access(folder if folder.exists() else root, os.W_OK):
            raise Infrastructure(folder, "cannot be written to; make it writable, then run again")
        if folder.name.startswith(".") and folder.exists():
            _refuse_odd_files(folder)


def _refuse_odd_files(folder: Path) -> None:
    """Raise BadInput for what leads what is written in a folder elsewhere, or stops whoever opens it."""
    for path in files_below(folder, ""):
        try:
            about = path.lstat()
        except FileNotFoundError:
            continue  # of a run that is under way
        if stat.S_ISLNK(about.st_mode):
            raise bad_input(path, "is a symbolic link; remove it")
        if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
            raise bad_input(path, "is no plain file of one name; remove it")


def _is_somebodys(text: str) -> bool:
    """Say whether no run has left a file as it is: what is empty was lost with the machine's power."""
    if not text.strip("\0 \r\n"):
        return False
    found = split(text)
    return found is None or found[0].get("text_hash") != text_hash(found[1])


def _written(path: Path) -> Written | None:
    text = _text(path)
    return Written.of(text) if text is not None else None


def _text(path: Path) -> str | None:
    data = plain_bytes(path, LARGEST_SPEC)
    return data.decode("utf-8", "surrogateescape") if data is not None else None
