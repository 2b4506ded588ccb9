"""A project as its module specs see it: units, what they need of each other, and the order in which they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nightwork.module_spec.source.skeleton import EdgeKind, Skeleton


@dataclass(frozen=True, slots=True)
class Unit:
    """What one spec is about: a file, or a package with the files directly in it. Its identity is its path."""

    path: str
    files: tuple[str, ...]

    @property
    def is_package(self) -> bool:
        """Say whether the unit is a folder."""
        return self.files != (self.path,)


@dataclass(frozen=True, slots=True)
class Edge:
    """One unit needs another: the strongest kind of its imports, their weight, and the names that it takes.

    `is_broken`: both are in one cycle, and this edge was chosen to be passed over, so the target's spec came later.
    """

    target: str
    kind: EdgeKind
    weight: int
    names: tuple[str, ...] = ()
    is_broken: bool = False


@dataclass(frozen=True)
class Project:
    """Everything that the specs of a project are made of, by the paths of its units; nothing is read from disk."""

    root: Path
    name: str
    units: Mapping[str, Unit]
    skeletons: Mapping[str, Skeleton]  # by file, test files included
    needs: Mapping[str, tuple[Edge, ...]]  # nearest and heaviest first
    needed_by: Mapping[str, tuple[str, ...]]
    external: Mapping[str, tuple[str, ...]]  # packages outside of the project, by unit
    tests: Mapping[str, tuple[str, ...]]  # test files that import a unit
    order: tuple[str, ...]  # every unit once, dependencies first but for broken edges
    cycles: tuple[tuple[str, ...], ...] = field(default=())  # units that need each other, each group sorted

    def skeletons_of(self, unit: str) -> tuple[Skeleton, ...]:
        """Return the skeletons of a unit's files."""
        return tuple(self.skeletons[path] for path in self.units[unit].files)
