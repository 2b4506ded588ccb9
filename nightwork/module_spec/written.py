"""The specs on disk: what is written there is the state of the project, there is no second record of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nightwork.errors import bad_input
from nightwork.module_spec.header import Header, digest, read_header, text_hash
from nightwork.module_spec.interface import read_interface
from nightwork.module_spec.project import Unit
from nightwork.module_spec.skeleton import Skeleton
from nightwork.module_spec.units import INDEX, LOGS, SPECS, SUFFIX, spec_path


@dataclass(frozen=True)
class Written:
    """One spec as it stands on disk; `interface` is what its dependents are shown."""

    header: Header
    is_edited: bool
    rest: str

    @property
    def interface(self) -> str:
        """Return the part that dependents are shown."""
        return read_interface(self.rest)


class Specs:
    """The folder of specs of a project."""

    def __init__(self, root: Path) -> None:
        self.folder = root / SPECS

    def path(self, unit: Unit) -> Path:
        """Return the file of a unit's spec; raises BadInput where a link would lead the writing elsewhere."""
        path = self.folder / spec_path(unit)
        for parent in (path, *path.parents):
            if parent.is_symlink():
                raise bad_input(parent, "is a symbolic link; specs are written to plain folders only, remove it")
            if parent == self.folder:
                break
        return path

    def read(self, unit: Unit) -> Written | None:
        """Return a unit's spec; None when there is none that can be read."""
        try:
            text = (self.folder / spec_path(unit)).read_bytes().decode("utf-8", "surrogateescape")
        except OSError:
            return None
        found = read_header(text)
        if found is None or found[0].source_target != unit.path:
            return None
        header, rest = found
        return Written(header, header.text_hash != text_hash(rest), rest)

    def read_all(self, units: Mapping[str, Unit]) -> dict[str, Written]:
        """Return all specs that can be read, by unit."""
        found = ((path, self.read(unit)) for path, unit in units.items())
        return {path: written for path, written in found if written is not None}

    def others(self, units: Mapping[str, Unit]) -> Iterator[Path]:
        """Yield the specs of modules that are gone, sorted; files that are none of ours are left alone."""
        known = {spec_path(unit) for unit in units.values()} | {INDEX}
        for path in sorted(self.folder.rglob(f"*{SUFFIX}")):
            if path.relative_to(self.folder).as_posix() not in known and not path.is_symlink() and path.is_file():
                yield path


def checked(root: Path, checkpoint_path: str | Path) -> Path:
    """Return where the checkpoint is kept; raises BadInput for a place outside of specs/ and drift-logs/."""
    path = (root / checkpoint_path).resolve()
    if not any(path.is_relative_to((root / name).resolve()) and path != root / name for name in (SPECS, LOGS)):
        raise bad_input(checkpoint_path, f"is outside of {SPECS}/ and {LOGS}/, where alone anything is written")
    return path


def source_hash(hashes: Mapping[str, str]) -> str:
    """Return the hash of a unit's sources from those of its files."""
    return digest(*(part for path in sorted(hashes) for part in (path, hashes[path])))


def source_hash_of(skeletons: tuple[Skeleton, ...]) -> str:
    """Return the hash of a unit's sources."""
    return source_hash({skeleton.path: skeleton.source_hash for skeleton in skeletons})


def tree_hash_of(skeletons: tuple[Skeleton, ...]) -> str:
    """Return the hash of a unit's syntax trees; of a file that has none, of its bytes."""
    return digest(*(part for each in skeletons for part in (each.path, each.tree_hash or each.source_hash)))
