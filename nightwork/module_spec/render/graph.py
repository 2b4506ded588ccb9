"""The dependency graph of a project as one diagram: module by module while that can be read, else folder by folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nightwork.module_spec.project import Project
from nightwork.module_spec.render.mermaid import Link, flowchart
from nightwork.module_spec.render.words import counted

_MOST_NODES = 40
_MOST_ARROWS = 60
_DEEPEST = 6


def dependency_graph(project: Project) -> Iterator[str]:
    """Yield the diagram and what it leaves out."""
    groups = _groups(list(project.units))
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


def _groups(units: list[str]) -> dict[str, str]:
    """Return the group of each unit: itself, or its folders as deep as makes no more groups than can be drawn."""
    if len(units) <= _MOST_NODES:
        return {unit: unit for unit in units}
    groups = {unit: unit.split("/")[0] for unit in units}
    for depth in range(2, _DEEPEST + 1):
        deeper = {unit: "/".join(unit.split("/")[:-1][:depth]) or unit for unit in units}
        if len(set(deeper.values())) > _MOST_NODES:
            break
        groups = deeper
    return groups
