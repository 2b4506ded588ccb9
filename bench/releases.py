"""Successive releases of real packages, each told anew: what is written by us, and what others would write again.

The model says everything in other words each time it is asked, which is the hard case: what a module shows to those
that need it stays as it was only where its public names did.
"""

from __future__ import annotations

import statistics
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from bench import packages
from bench.answering import SETTINGS, Answering, tell
from bench.figures import Figure, main
from nightwork.module_spec.document.hashes import tree_hash
from nightwork.module_spec.source.project import Project
from nightwork.module_spec.source.scan import scan

REPLAYED = ("django", "networkx")
TITLE = "Module specs: successive releases replayed, modules that are told anew, mean of a release"


@dataclass(frozen=True)
class Step:
    """One release after another: how many modules are told anew by us, and by simpler rules."""

    modules: int
    ours: int
    changed: int  # whose syntax tree changed, or that are new
    direct: int  # and those that need one of them
    transitive: int  # and those that need one of those, and so on


def replay(name: str) -> tuple[list[Step], int]:
    """Tell each release of a package over the specs of the one before; returns the steps.

    Beside them, how many modules are told once more when nothing has changed since the last.
    """
    first, *later = packages.releases(name)
    with packages.project(name, first) as root:
        project = _told(root)[0]
        steps = []
        for version in later:
            packages.put(root, name, version)
            before, (project, ours) = project, _told(root)
            changed = _changed(before, project)
            steps.append(
                Step(
                    len(project.units),
                    ours,
                    len(changed),
                    len(_with_dependents(changed, project)),
                    len(_closure(changed, project)),
                )
            )
        return steps, _told(root)[1]


def _told(root: Path) -> tuple[Project, int]:
    """Tell what is missing or stale of a project; returns how many modules that were."""
    project = scan(root, SETTINGS)
    return project, sum(job.outcome is None for job in tell(project, Answering.of(project)))


def _changed(before: Project, after: Project) -> set[str]:
    old = {name: tree_hash(before.skeletons_of(name)) for name in before.units}
    return {name for name in after.units if old.get(name) != tree_hash(after.skeletons_of(name))}


def _with_dependents(names: AbstractSet[str], project: Project) -> set[str]:
    return set(names).union(*(project.needed_by[name] for name in names))


def _closure(names: AbstractSet[str], project: Project) -> set[str]:
    found = set(names)
    while more := _with_dependents(found, project) - found:
        found |= more
    return found


def measure() -> list[Figure]:
    """Return the means over the releases of each package."""
    figures = []
    for name in REPLAYED:
        (steps, again), versions = replay(name), packages.releases(name)
        ours, changed, direct, transitive = (
            statistics.mean(getattr(step, kind) for step in steps)
            for kind in ("ours", "changed", "direct", "transitive")
        )
        of = f"of {steps[-1].modules:,} modules; {len(steps)} releases, {versions[1]} to {versions[-1]}"
        figures += [
            Figure(f"{name}: told anew", ours, note=of),
            Figure(f"{name}: ratio to files whose syntax tree changed", ours / changed),
            Figure(f"{name}: ratio to telling transitively", ours / transitive),
            Figure(f"{name}: files whose syntax tree changed, or new", changed),
            Figure(f"{name}: ... and their direct dependents", direct),
            Figure(f"{name}: ... and theirs, transitively", transitive),
            Figure(f"{name}: told anew with nothing changed", again, bar=0),
        ]
    return figures


if __name__ == "__main__":
    main(TITLE, measure)
