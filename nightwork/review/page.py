"""The review as one HTML page that needs nothing else, and as a piece of one for notebooks; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sized

from nightwork.review import sections, words
from nightwork.review.document import QueueRow, ReviewDocument
from nightwork.review.elements import card, entries, line, listed, section, signs
from nightwork.review.graph import graph
from nightwork.review.style import NOTEBOOK, PARTS, STYLE
from nightwork.webpage import block, frame

# What a notebook shows of each list.
_QUEUE, _ESCALATIONS, _OTHERS, _IN_A_ROW = 20, 5, 10, 4
_LISTS = ("failed", "skipped", "unready", "left_out", "warnings", "red_on_base", "spending")


def page(document: ReviewDocument) -> str:
    """Return the document as HTML."""
    title = f"Batch review {line(document.batch_id)}"
    return frame(title, STYLE, _body(document, document))


def fragment(document: ReviewDocument) -> str:
    """Return the document for a notebook: the most important rows of each list, the rest counted."""
    return block("review", PARTS + NOTEBOOK, _body(document, _shortened(document)))


def _body(document: ReviewDocument, shown: ReviewDocument) -> str:
    return "\n".join(part for part in _parts(document, shown) if part)


def _parts(document: ReviewDocument, shown: ReviewDocument) -> Iterable[str]:
    """Yield the sections, with the rows of `shown`, which are the first of the document's."""
    yield sections.header(document)
    yield sections.tiles(document)
    unconfined = "".join(card("warn", signs([("⚠", text)])) for text in words.unconfined(document))
    yield section("Unconfined", "", unconfined)
    red = listed(shown.red_on_base) + _more(document.red_on_base, shown.red_on_base)
    yield section("Red on the base commit already", "not counted against any change", red)
    yield section("Next steps", "", sections.next_steps(document))
    yield section("Ready for review", "", _queue(document, shown))
    together = sections.together(shown)
    if document.together and shown.together:
        together += _more(document.together.left_out, shown.together.left_out)
    yield section("Together", "merged into one tree, in memory", together)
    yield section("Dependencies", "", graph(document))
    asked = "".join(map(sections.escalation, shown.escalations))
    asked += _more(document.escalations, shown.escalations)
    yield section("Escalations pending", "decisions for a person", asked)
    yield from _others(document, shown)
    yield section("Spending", "", sections.spent(document, shown.spending))
    yield section("Metrics", "against their targets", sections.metrics(document))


def _queue(document: ReviewDocument, shown: ReviewDocument) -> str:
    rows = sections.queue(shown) + _more(document.queue, shown.queue)
    return rows or "<p>Nothing.</p>"


def _others(document: ReviewDocument, shown: ReviewDocument) -> Iterable[str]:
    failed = [(row.ticket, row.title, f"{row.outcome}: {row.reason}") for row in shown.failed]
    yield section("Failed", "", entries(failed, "bad") + _more(document.failed, shown.failed))
    skipped = entries([(row.ticket, row.title, row.reason) for row in shown.skipped], "")
    note = "they stay in the queue for the next batch"
    yield section("Skipped", note, skipped + _more(document.skipped, shown.skipped))
    unready = sections.unready(shown) + _more(document.unready, shown.unready)
    yield section("Unready", "not admitted, not in the total", unready)
    left_out = entries([(row.ticket, "", row.reason) for row in shown.left_out], "")
    yield section("Left out", "", left_out + _more(document.left_out, shown.left_out))
    warnings = entries([(row.ticket, "", row.text) for row in shown.warnings], "warn")
    yield section("Warnings", "", warnings + _more(document.warnings, shown.warnings))


def _more(rows: Sized, shown: Sized) -> str:
    left = len(rows) - len(shown)
    return f'<p class="note">and {left:,} more: <code>nightwork review</code> has them all</p>' if left else ""


def _shortened(document: ReviewDocument) -> ReviewDocument:
    few: dict[str, object] = {name: getattr(document, name)[:_OTHERS] for name in _LISTS}
    few["queue"] = tuple(map(_short_row, document.queue[:_QUEUE]))
    few["escalations"] = document.escalations[:_ESCALATIONS]
    if document.together:
        first = {name: getattr(document.together, name)[:_OTHERS] for name in ("culprits", "left_out", "conflicts")}
        few["together"] = document.together.model_copy(update=first)
    return document.model_copy(update=few)


def _short_row(row: QueueRow) -> QueueRow:
    names = ("vetoes", "remarks", "remaining")
    return row.model_copy(update={name: getattr(row, name)[:_IN_A_ROW] for name in names})
