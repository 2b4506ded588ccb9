"""The specs on disk: what is written there is the state of the project, there is no second record of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightwork.errors import bad_input
from nightwork.module_spec.header import Header, IndexHeader, read_header, read_index_header, text_hash
from nightwork.module_spec.paths import INDEX, SUFFIX, spec_path
from nightwork.module_spec.project import Unit
from nightwork.module_spec.render.spec import read_kept
from nightwork.module_spec.units import LOGS, SPECS

CHECKPOINT = f"{SPECS}/.reverse-spec-checkpoint.json"


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
        """Return the file of a unit's spec; raises BadInput where a link would lead the writing elsewhere."""
        path = self.folder / spec_path(unit.path)
        folder = path.parent
        while folder not in self._plain:
            if folder.is_symlink():
                raise bad_input(folder, "is a symbolic link; specs are written to plain folders only, remove it")
            self._plain.add(folder)
            folder = folder.parent
        return path

    def read(self, unit: Unit) -> Written | None:
        """Return a unit's spec; None when there is none that can be read."""
        try:
            text = (self.folder / spec_path(unit.path)).read_bytes().decode("utf-8", "surrogateescape")
        except OSError:
            return None
        written = Written.of(text)
        return written if written and written.header.source_target == unit.path else None

    def read_all(self, units: Mapping[str, Unit]) -> dict[str, Written]:
        """Return all specs that can be read, by unit."""
        found = ((path, self.read(unit)) for path, unit in units.items())
        return {path: written for path, written in found if written is not None}

    def read_index(self) -> IndexHeader | None:
        """Return the front matter of the index; None when there is none, or it is not as it was written."""
        try:
            text = (self.folder / INDEX).read_bytes().decode("utf-8", "surrogateescape")
        except OSError:
            return None
        return read_index_header(text)

    def others(self, units: Mapping[str, Unit]) -> Iterator[Path]:
        """Yield the specs of modules that are gone, sorted; files that are none of ours are left alone."""
        known = {spec_path(unit.path) for unit in units.values()} | {INDEX}
        for path in sorted(self.folder.rglob(f"*{SUFFIX}")):
            if path.relative_to(self.folder).as_posix() not in known and not path.is_symlink() and path.is_file():
                yield path


def checked_root(root: str | Path) -> Path:
    """Return the folder of a project; raises BadInput for what is none."""
    folder = Path(root).resolve()
    if not folder.is_dir():
        raise bad_input(root, "is no folder; expected the root of a project")
    return folder


def checked_checkpoint(root: Path, checkpoint_path: str | Path) -> Path:
    """Return where the checkpoint is kept; raises BadInput for a place outside of specs/ and drift-logs/."""
    path = (root / checkpoint_path).resolve()
    if not any(path.is_relative_to((root / name).resolve()) and path != root / name for name in (SPECS, LOGS)):
        raise bad_input(checkpoint_path, f"is outside of {SPECS}/ and {LOGS}/, where alone anything is written")
    return path
