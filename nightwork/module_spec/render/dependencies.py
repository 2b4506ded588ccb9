"""Section 9: what the unit needs of the project and of others, and who needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from nightwork.markdown import escape
from nightwork.module_spec.document.paths import link, spec_path
from nightwork.module_spec.render.mermaid import Link, flowchart
from nightwork.module_spec.render.room import Room
from nightwork.module_spec.render.view import View
from nightwork.module_spec.render.words import cell, code, counted, joined, listed, table
from nightwork.module_spec.source.project import Edge


def dependencies(view: View, room: Room) -> Iterator[str]:
    """Yield the blocks of the section."""
    base = spec_path(view.unit.path)
    if view.needs:
        yield from _needs(view, base, room(40))
    else:
        yield "It needs no other module of the project."
    broken = [edge.target for edge in view.needs if edge.is_broken]
    if broken:
        yield (
            f"This spec was written before that of {listed(broken, 10)}: they need each other,"
            " so it does not build on what that says."
        )
    if len(view.cycle) > 1:
        yield f"Import cycle of {len(view.cycle)} modules: {listed(view.cycle, 12)}."
    if view.needed_by:
        shown = [_linked(path, base) for path in view.needed_by[: room(30)]]
        yield f"Needed by {counted(len(view.needed_by), 'module')}: {joined(shown, len(view.needed_by) - len(shown))}."
    elif view.needs:
        yield "No other module of the project imports it."
    own = [name for name in view.external if name in sys.stdlib_module_names]
    if others := [name for name in view.external if name not in sys.stdlib_module_names]:
        yield f"Packages from outside: {listed(others, 30)}."
    if own:
        yield f"Of the standard library: {listed(own, 30)}."
    yield from _diagram(view, room)


def _needs(view: View, base: str, most: int) -> Iterator[str]:
    cycle = frozenset(view.cycle)
    rows = [
        (_linked(edge.target, base), str(edge.kind), _taken(edge), _note(edge, cycle)) for edge in view.needs[:most]
    ]
    yield "\n".join(table(("needs", "imported", "names", "note"), rows))
    if len(view.needs) > most:
        yield f"And {counted(len(view.needs) - most, 'more module')} of the project."


def _taken(edge: Edge) -> str:
    if not edge.names:
        return "the module"
    return joined([cell(name) for name in edge.names[:6]], len(edge.names) - 6)


def _note(edge: Edge, cycle: frozenset[str]) -> str:
    if edge.is_broken:
        return "same cycle; its spec came later"
    return "same cycle" if edge.target in cycle else ""


def _linked(path: str, base: str) -> str:
    """Return a module as a link to its spec, in a form that a table takes too."""
    if "|" in path or "\\" in path or "?" in path or not path.isprintable():
        return escape(path)
    return f"[{code(path)}]({link(path, base)})"


def _diagram(view: View, room: Room) -> Iterator[str]:
    if len(view.needs) + len(view.needed_by) < 3:
        return
    here = view.unit.path
    most = max(2, room(24) // 2)
    needs: Sequence[Edge] = view.needs[: max(most, 2 * most - len(view.needed_by))]
    needed_by = view.needed_by[: 2 * most - len(needs)]
    links = [Link(path, here) for path in needed_by]
    links += [Link(here, edge.target, edge.is_broken or edge.kind != "top-level") for edge in needs]
    left = len(view.needs) + len(view.needed_by) - len(links)
    more = f", without {counted(left, 'module')} more" if left else ""
    yield f"Imports around it (dotted: not whenever it is imported, or against the order of the specs){more}:"
    yield flowchart(links)[0]
