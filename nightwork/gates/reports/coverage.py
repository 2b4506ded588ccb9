"""Reads which lines the tests ran: Cobertura XML (http://cobertura.sourceforge.net/xml/coverage-04.dtd) or LCOV.

Cobertura names files relative to one of its sources without saying which; the first below which the file exists is
taken.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nightwork.gates.report import FileCoverage, Ranges
from nightwork.gates.reports.unreadable import UnreadableReport
from nightwork.gates.reports.untrusted import MAX_ENTRIES, MAX_LINE, MAX_REPORT, limited, one_line, relative_path
from nightwork.gates.reports.xmltree import read_tree

FORM = "coverage"
MAX_LINES = 20 * MAX_ENTRIES
MAX_SOURCES = 50

Hit = tuple[str, int, bool]  # path, line, whether it ran


def parse(text: str, root: str) -> tuple[FileCoverage, ...]:
    """Read the coverage of every file; `root` is the checkout, and paths below it come back relative to it.

    A line that comes several times ran when one of them did. Raises UnreadableReport.
    """
    if len(text) > MAX_REPORT:
        raise UnreadableReport(FORM, f"{len(text)} characters; at most {MAX_REPORT} are read")
    head = text.lstrip("\ufeff \t\r\n")
    return limited(FORM, _by_file(_cobertura(head, root) if head.startswith("<") else _lcov(head, root)))


def _by_file(hits: Iterable[Hit]) -> Iterator[FileCoverage]:
    ran: dict[str, dict[int, bool]] = defaultdict(dict)
    for count, (path, line, hit) in enumerate(hits, 1):
        if count > MAX_LINES:
            raise UnreadableReport(FORM, f"more than {MAX_LINES} lines")
        ran[path][line] = ran[path].get(line, False) or hit
    for path, lines in ran.items():
        covered = [line for line, hit in lines.items() if hit]
        uncovered = [line for line, hit in lines.items() if not hit]
        yield FileCoverage(path=path, covered=ranges(covered), uncovered=ranges(uncovered))


def ranges(lines: Iterable[int]) -> Ranges:
    """Return lines as ranges, in order."""
    found: list[tuple[int, int]] = []
    for line in sorted(lines):
        if found and found[-1][1] + 1 == line:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return tuple(found)


def _cobertura(text: str, root: str) -> Iterator[Hit]:
    tree = read_tree(FORM, text)
    if tree.tag != "coverage" or tree.find("packages") is None:
        raise UnreadableReport(FORM, "expected Cobertura XML, `coverage` with `packages`, or LCOV")
    sources = [element.text.strip() for element in tree.iterfind("sources/source") if (element.text or "").strip()]
    places: dict[str, str] = {}
    for entry in tree.iter("class"):
        name = entry.get("filename") or ""
        if name not in places:
            places[name] = _place(name, sources[:MAX_SOURCES], root)
        for line in entry.iter("line"):
            yield places[name], _number(line.get("number")), _number(line.get("hits"), least=0) > 0


def _place(name: str, sources: list[str], root: str) -> str:
    names = [relative_path(posixpath.join(source, name), root) for source in (*sources, "")]
    there = list(dict.fromkeys(each for each in names if _is_inside(each) and Path(root, each).is_file()))
    if len(there) > 1:
        raise UnreadableReport(FORM, f"{one_line(name, 80)!r} may be any of {len(there)} files; name the sources apart")
    return there[0] if there else names[0]


def _is_inside(path: str) -> bool:
    return bool(path) and not posixpath.isabs(path) and path.partition("/")[0] != ".."


def _lcov(text: str, root: str) -> Iterator[Hit]:
    path = ""
    records = False
    for line in text.split("\n"):
        kind, _, value = line.strip().partition(":")
        if kind == "SF":
            path, records = relative_path(value, root), True
        elif kind == "DA":
            if not path:
                raise UnreadableReport(FORM, f"a line before its file: {one_line(line, 80)}")
            number, _, hits = value.partition(",")
            yield path, _number(number), _number(hits.partition(",")[0], least=0) > 0
    if not records:
        raise UnreadableReport(FORM, "expected Cobertura XML, or LCOV with `SF:`")


def _number(value: Any, least: int = 1) -> int:
    text = value if isinstance(value, str) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 18) or not least <= int(text):
        raise UnreadableReport(FORM, f"expected a number, not {one_line(value, 40)!r}")
    return min(int(text), MAX_LINE)
