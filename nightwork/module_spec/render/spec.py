"""The spec of one unit: front matter, nine sections in fixed order, the files, and what machines read again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version

from nightwork.markdown import escape
from nightwork.module_spec.asking.answer import Answer, Statement
from nightwork.module_spec.document.baseline import write_baseline
from nightwork.module_spec.document.comment import write_kept
from nightwork.module_spec.document.hashes import skeleton_hash, source_hash, tree_hash
from nightwork.module_spec.document.header import Confidence, Header, text_hash
from nightwork.module_spec.render.conditions import constraints, edge_cases, said
from nightwork.module_spec.render.debt import technical_debt, test_coverage
from nightwork.module_spec.render.dependencies import dependencies
from nightwork.module_spec.render.intent import intent, purpose
from nightwork.module_spec.render.logic import business_logic
from nightwork.module_spec.render.room import MOST_LINES, Room
from nightwork.module_spec.render.signatures import interface
from nightwork.module_spec.render.structures import data_structures
from nightwork.module_spec.render.view import View, cleaned, statements
from nightwork.module_spec.render.words import cell, counted, prose, table

_MOST_BROKEN = 0.3  # of a unit's files
_MOST_INFERRED = 3
_SHARES = (1.0, 0.6, 0.35, 0.2, 0.1, 0.05)

Blocks = Callable[[View, Room], Iterator[str]]
Said = Callable[[Answer], Iterable[Statement]]
_SECTIONS: tuple[tuple[str, Blocks, Said], ...] = (
    ("Intent", intent, lambda _: ()),
    ("Interface", interface, lambda _: ()),
    ("Business Logic", business_logic, lambda answer: answer.business_logic),
    ("Data Structures", data_structures, lambda answer: answer.data_structures),
    ("Constraints", constraints, lambda answer: answer.constraints),
    ("Edge Cases", edge_cases, lambda answer: answer.edge_cases),
    ("Technical Debt", technical_debt, lambda answer: answer.technical_debt),
    ("Test Coverage", test_coverage, lambda answer: answer.test_coverage),
    ("Dependencies", dependencies, lambda _: ()),
)


def render(view: View) -> str:
    """Return the whole spec file, of at most 700 lines however large the unit is."""
    shown = cleaned(view)
    level = confidence(view)
    baseline = write_baseline(view.skeletons, have_secrets=shown is not view)
    kept = f"\n{write_kept(purpose(shown), shown.interface)}\n{baseline}"
    most = MOST_LINES - kept.count("\n") - _LINES_OF_HEADER
    for share in _SHARES:
        text = _body(shown, Room(share), level)
        if text.count("\n") <= most:
            break
    header = _header(view, level, text + kept, shown)
    return header.as_text() + text + kept


def confidence(view: View) -> Confidence:
    """Return how far a spec can be relied on; without a model nothing explains why, so that is medium at most."""
    inferred = sum(bool(each.inferred_from) for each in statements(view.answer)) if view.answer else 0
    broken = len(view.errors)
    if view.degraded or inferred > _MOST_INFERRED or broken > _MOST_BROKEN * len(view.skeletons):
        return "low"
    return "medium" if broken or inferred or view.is_truncated or view.answer is None else "high"


_LINES_OF_HEADER = 20


def _header(view: View, level: Confidence, text: str, shown: View) -> Header:
    return Header(
        source_target=view.unit.path,
        related_files=view.unit.files,
        last_updated=view.updated,
        confidence=level,
        skeleton_hash=skeleton_hash(view.skeletons),
        tree_hash=tree_hash(view.skeletons),
        source_hash=source_hash(view.skeletons),
        content_key=view.content_key,
        text_hash=text_hash(text),
        generated_by=generated_by(),
        made_with=view.made_with,
        model=shown.model,
        degraded=shown.degraded,
    )


@functools.cache
def generated_by() -> str:
    """Return the name and version that stand in the front matter."""
    return f"nightwork {version('nightwork')}"


def _body(view: View, room: Room, level: Confidence) -> str:
    blocks = [f"\n# {escape(view.unit.path)}", _made(view, level)]
    for number, (title, blocks_of, said_in) in enumerate(_SECTIONS, 1):
        blocks.append(f"## {number}. {title}")
        if view.answer:
            blocks += said(said_in(view.answer), room)
        blocks += blocks_of(view, room)
    blocks.append("## Files")
    blocks += _files(view, room(40))
    return "\n\n".join(blocks) + "\n"


def _made(view: View, level: Confidence) -> str:
    if view.degraded:
        how = f"Made from the syntax tree alone, for the model gave nothing of use: {prose(view.degraded, 300)}"
    elif view.answer:
        how = f"Signatures, lists and diagrams are from the syntax tree; sentences are by {prose(view.model, 80)}"
        how += ", which did not see all of the source" if view.is_truncated else ""
    else:
        how = "Made from the syntax tree and its docstrings alone, without a model: nothing in it is inferred"
    return f"> {how.rstrip('.')}. Confidence: {level}."


def _files(view: View, most: int) -> Iterator[str]:
    rows = [
        (cell(each.path, 160), f"{each.lines:,}", str(len(each.symbols)), prose(each.error, 100, in_table=True))
        for each in view.skeletons[:most]
    ]
    yield "\n".join(table(("file", "lines", "names", "error"), rows))
    if len(view.skeletons) > most:
        yield f"And {counted(len(view.skeletons) - most, 'more file')}."
