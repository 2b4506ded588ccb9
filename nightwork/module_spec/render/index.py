"""The index of a project's specs: what it is, where everything stands, what hangs on what; over all its modules."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nightwork.markdown import escape
from nightwork.module_spec.document.paths import INDEX, link
from nightwork.module_spec.render.graph import dependency_graph
from nightwork.module_spec.render.view import clean, plain
from nightwork.module_spec.render.words import (
    bounded,
    cell,
    code,
    counted,
    language_name,
    listed,
    paragraphs,
    prose,
    table,
)
from nightwork.module_spec.source.project import Project

_LONG = 40


@dataclass(frozen=True)
class IndexRow:
    """What the index says of one unit beside what its skeletons say; `purpose` is one line of plain text."""

    path: str
    status: str  # a word or two, such as "current", "degraded", "failed: no answer"
    confidence: str = ""
    purpose: str = ""
    has_spec: bool = True


def render_index(project: Project, rows: Sequence[IndexRow], about: str = "") -> str:
    """Return the index without its front matter, every unit in it; `about` is what the project says of itself."""
    told = {row.path: row for row in rows}
    rows = [told.get(path, IndexRow(path, "no spec yet", has_spec=False)) for path in sorted(project.units)]
    blocks = [f"\n# {escape(clean(project.name))}: module specs"]
    for title, found in (
        ("Purpose", _purpose(project, rows, clean(about))),
        ("Dependency graph", dependency_graph(project)),
        ("Cross-cutting modules", _cross_cutting(project, {row.path: row for row in rows})),
        ("Import cycles", _cycles(project)),
        ("Stack", _stack(project)),
        ("Tests", _tests(project)),
        ("Files with errors", _errors(project)),
        ("Modules", _modules(project, rows)),
    ):
        blocks += [f"## {title}", *found]
    return "\n\n".join(blocks) + "\n"


def _purpose(project: Project, rows: Sequence[IndexRow], about: str) -> Iterator[str]:
    yield from paragraphs(about, 4) or ["The project says nothing of itself."]
    lines = sum(each.lines for path in project.units for each in project.skeletons_of(path))
    statuses = Counter(row.status.partition(":")[0] for row in rows)
    confidences = Counter(row.confidence for row in rows if row.confidence)
    yield (
        f"{counted(len(rows), 'module')}, {counted(lines, 'line')}. "
        f"Specs: {_numbers(statuses)}." + (f" Confidence: {_numbers(confidences)}." if confidences else "")
    )


def _numbers(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{number:,} {escape(clean(word))}" for word, number in ranked)


def _modules(project: Project, rows: Sequence[IndexRow]) -> Iterator[str]:
    folders: dict[str, list[IndexRow]] = {}
    for row in rows:
        folders.setdefault(row.path.rpartition("/")[0], []).append(row)
    for folder, members in sorted(folders.items()):
        yield f"### {code(clean(folder)) if folder else 'Top level'}"
        headers = ("module", "purpose", "spec", "confidence", "public names", "lines")
        yield "\n".join(table(headers, (_row(project, row) for row in members)))


def _row(project: Project, row: IndexRow) -> tuple[str, ...]:
    skeletons = project.skeletons_of(row.path)
    public = {
        (one.path, plain(symbol.name))
        for one in skeletons
        for symbol in one.symbols
        if symbol.is_public and "." not in symbol.name
    }
    return (
        _linked(row, row.path.rpartition("/")[2]),
        prose(clean(row.purpose), 200, in_table=True),
        prose(clean(row.status), 100, in_table=True),
        escape(clean(row.confidence)),
        str(len(public)),
        f"{sum(each.lines for each in skeletons):,}",
    )


def _linked(row: IndexRow, name: str) -> str:
    """Return the name of a unit as a link to its spec, if it has one and a link can hold the name."""
    shown = cell(clean(name), 120)
    return f"[{shown}]({link(row.path, INDEX)})" if row.has_spec and shown.startswith("`") else shown


def _cross_cutting(project: Project, by_path: Mapping[str, IndexRow]) -> Iterator[str]:
    ranked = sorted(project.units, key=lambda path: (-len(project.needed_by.get(path, ())), path))
    shown = [path for path in ranked[:15] if len(project.needed_by.get(path, ())) >= 3]
    if not shown:
        yield "No module is needed by three others or more."
        return
    rows = (
        (
            _linked(by_path[path], path),
            str(len(project.needed_by[path])),
            prose(clean(by_path[path].purpose), 200, in_table=True),
        )
        for path in shown
    )
    yield "\n".join(table(("module", "needed by", "purpose"), rows))


def _cycles(project: Project) -> Iterator[str]:
    if not project.cycles:
        yield "None: no two modules need each other."
        return
    ranked = sorted(project.cycles, key=lambda members: (-len(members), members))
    items = [f"{len(members)} modules: {listed(list(map(clean, members[:8])), 8, len(members))}" for members in ranked]
    yield bounded(items, 20, "cycle")


def _stack(project: Project) -> Iterator[str]:
    skeletons = list(project.skeletons.values())
    files = Counter(each.language for each in skeletons)
    lines: Counter[str] = Counter()
    for each in skeletons:
        lines[each.language] += each.lines
    ranked = sorted(files, key=lambda each: (-files[each], each))
    yield "\n".join(
        table(
            ("language", "files", "lines"),
            ((escape(language_name(each)), str(files[each]), f"{lines[each]:,}") for each in ranked),
        )
    )
    packages = Counter(name for names in project.external.values() for name in names)
    own = sorted(name for name in packages if name in sys.stdlib_module_names)
    used = sorted(packages.keys() - own, key=lambda each: (-packages[each], each))
    rows = ((cell(clean(each)), str(packages[each])) for each in used[:_LONG])
    yield "\n".join(table(("package", "used by modules"), rows)) if used else "No packages from outside."
    if len(used) > _LONG:
        yield f"And {counted(len(used) - _LONG, 'more package')}."
    if own:
        yield f"Of the standard library: {listed(list(map(clean, own)), 60)}."


def _tests(project: Project) -> Iterator[str]:
    files = sorted({path for paths in project.tests.values() for path in paths})
    without = [path for path in sorted(project.units) if not project.tests.get(path)]
    if not files:
        yield "No test file imports a module of the project."
        return
    yield f"{counted(len(files), 'test file')} import its modules; {counted(len(without), 'module')} in none."
    yield bounded([code(clean(path)) for path in files], _LONG, "test file")


def _errors(project: Project) -> Iterator[str]:
    broken = [each for _, each in sorted(project.skeletons.items()) if each.error]
    if not broken:
        yield "None: every file could be parsed."
        return
    yield bounded([f"{code(clean(each.path))}: {prose(clean(each.error), 300)}" for each in broken], 60, "file")
