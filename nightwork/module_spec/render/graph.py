"""The dependency graph of a project as one diagram: module by module while that can be read, else folder by folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nightwork.module_spec.render.mermaid import Link, flowchart
from nightwork.module_spec.render.words import counted
from nightwork.module_spec.source.project import Project, Unit

_MOST_NODES = 40
_MOST_ARROWS = 45
_DEEPEST = 6


def dependency_graph(project: Project) -> Iterator[str]:
    """Yield the diagram and what it leaves out."""
    groups = _groups(project.units)
    weights: Counter[tuple[str, str]] = Counter()
    for unit, edges in project.needs.items():
        for edge in edges:
            if groups[unit] != groups.get(edge.target, groups[unit]):
                weights[groups[unit], groups[edge.target]] += 1
    if not weights:
        yield "No module needs another."
        return
    ranked = sorted(weights, key=lambda pair: (-weights[pair], pair))
    drawing, left = flowchart([Link(*pair) for pair in ranked[:_MOST_ARROWS]], _MOST_NODES)
    is_grouped = len(set(groups.values())) < len(groups)
    said = "Modules are drawn together by folder. " if is_grouped else ""
    arrows = len(ranked) - _MOST_ARROWS
    said += f"The {_MOST_ARROWS} heaviest of {counted(len(ranked), 'arrow')} are drawn. " if arrows > 0 else ""
    said += f"Without {counted(left, 'node')} more. " if left else ""
    yield f"An arrow points to what is needed. {said}".strip()
    yield drawing


def _groups(units: Mapping[str, Unit]) -> dict[str, str]:
    """Return the group of each unit: itself, or its folders as deep as makes no more groups than can be drawn."""
    if len(units) <= _MOST_NODES:
        return {unit: unit for unit in units}
    folders = {path: path.split("/")[: None if unit.is_package else -1] for path, unit in units.items()}
    groups = {path: "/".join(folder[:1]) or "." for path, folder in folders.items()}
    for depth in range(2, _DEEPEST + 1):
        deeper = {path: "/".join(folder[:depth]) or "." for path, folder in folders.items()}
        if len(set(deeper.values())) > _MOST_NODES:
            break
        groups = deeper
    return groups
