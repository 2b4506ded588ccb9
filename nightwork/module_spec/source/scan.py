"""From a folder to a `Project`: which files, what they hold, what they need of each other, in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nightwork.module_spec.about import project_name
from nightwork.module_spec.source.arrangement import arrange, broken
from nightwork.module_spec.source.imports import FileImports, PythonImports, Target, shared_folders
from nightwork.module_spec.source.project import Edge, Project, Unit
from nightwork.module_spec.source.reading import helpers_begun, read_all
from nightwork.module_spec.source.selection import source_files
from nightwork.module_spec.source.skeleton import EdgeKind, Skeleton
from nightwork.module_spec.source.units import units_of
from nightwork.spec_settings import SpecsSettings

# How much it hurts to tell a module before what it needs in this way.
_WEIGHTS = {EdgeKind.TOP_LEVEL: 12, EdgeKind.CONDITIONAL: 6, EdgeKind.LAZY: 3, EdgeKind.TYPE_CHECKING: 2}


def scan(root: Path, settings: SpecsSettings) -> Project:
    """Read a project; nothing of it is imported or run."""
    with helpers_begun() as begun:
        files, tests = source_files(root, settings)
        skeletons = read_all(root, [*files, *tests], begun=begun)
    return project_of(root, skeletons, files, settings)


def project_of(root: Path, skeletons: Mapping[str, Skeleton], files: Iterable[str], settings: SpecsSettings) -> Project:
    """Return the project that some skeletons make; those that are not among `files` are tests."""
    units = units_of(files, settings.unit)
    unit_of = {path: unit.path for unit in units.values() for path in unit.files}
    targets = _targets(skeletons, settings)
    external: dict[str, set[str]] = {name: set() for name in units}
    edges: dict[str, dict[str, list[Target]]] = {name: defaultdict(list) for name in units}
    tests: dict[str, list[str]] = {name: [] for name in units}
    for path, found in targets:
        for target in found:
            told = unit_of.get(target.path)
            if path not in unit_of:
                if told and tests[told][-1:] != [path]:
                    tests[told].append(path)
            elif target.is_external:
                external[unit_of[path]].add(target.path)
            elif told and told != unit_of[path]:
                edges[unit_of[path]][told].append(target)
    needs = {name: [_edge(told, group) for told, group in grouped.items()] for name, grouped in edges.items()}
    return _arranged(root, units, skeletons, needs, external, tests)


def _targets(skeletons: Mapping[str, Skeleton], settings: SpecsSettings) -> Iterator[tuple[str, Iterable[Target]]]:
    python = [path for path, skeleton in skeletons.items() if skeleton.language == "python"]
    imports, others = PythonImports(python, settings.source_roots), FileImports(skeletons)
    for path, skeleton in skeletons.items():
        yield path, imports.targets(skeleton) if skeleton.language == "python" else others.targets(skeleton)


def _arranged(
    root: Path,
    units: Mapping[str, Unit],
    skeletons: Mapping[str, Skeleton],
    needs: Mapping[str, list[Edge]],
    external: Mapping[str, set[str]],
    tests: Mapping[str, list[str]],
) -> Project:
    weights = {name: {edge.target: edge.weight for edge in edges} for name, edges in needs.items()}
    order, cycles = arrange(weights)
    passed_over = broken(order, weights)
    needed_by: dict[str, list[str]] = {name: [] for name in units}
    for name in units:
        for target in weights[name]:
            needed_by[target].append(name)
    return Project(
        root=root,
        name=project_name(root),
        units=units,
        skeletons=skeletons,
        needs={name: _nearest_first(name, edges, passed_over) for name, edges in needs.items()},
        needed_by={name: tuple(found) for name, found in needed_by.items()},
        external={name: tuple(sorted(found)) for name, found in external.items()},
        tests={name: tuple(found) for name, found in tests.items()},
        order=tuple(order),
        cycles=tuple(tuple(group) for group in cycles),
    )


def _edge(target: str, group: list[Target]) -> Edge:
    kind = max((each.kind for each in group), key=_WEIGHTS.__getitem__)
    names = tuple(dict.fromkeys(name for each in group for name in each.names))
    return Edge(target, kind, max(_WEIGHTS[kind], 1) * (1 + min(len(names), 3)), names)


def _nearest_first(name: str, edges: list[Edge], passed_over: set[tuple[str, str]]) -> tuple[Edge, ...]:
    """Return what a unit needs, what stands near and weighs much first."""

    def key(edge: Edge) -> tuple[float, str]:
        apart = name.count("/") + edge.target.count("/") - 2 * len(shared_folders(name, edge.target))
        return -edge.weight / (2 + max(apart, 0)), edge.target

    return tuple(
        Edge(edge.target, edge.kind, edge.weight, edge.names, (name, edge.target) in passed_over)
        for edge in sorted(edges, key=key)
    )
