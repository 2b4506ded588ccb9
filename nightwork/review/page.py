"""The review as one HTML page that needs nothing else; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from nightwork.review import sections, words
from nightwork.review.document import ReviewDocument
from nightwork.review.elements import card, entries, line, listed, section, signs
from nightwork.review.style import STYLE
from nightwork.webpage import frame


def page(document: ReviewDocument) -> str:
    """Return the document as HTML."""
    body = "\n".join(part for part in _parts(document) if part)
    title = f"Batch review {line(document.batch_id)}"
    return frame(title, STYLE, body)


def _parts(document: ReviewDocument) -> Iterable[str]:
    yield sections.header(document)
    yield sections.tiles(document)
    unconfined = "".join(card("warn", signs([("⚠", text)])) for text in words.unconfined(document))
    yield section("Unconfined", "", unconfined)
    yield section("Red on the base commit already", "not counted against any change", listed(document.red_on_base))
    yield section("Next steps", "", sections.next_steps(document))
    yield section("Ready for review", "", sections.queue(document) or "<p>Nothing.</p>")
    yield section("Together", "merged into one tree, in memory", sections.together(document))
    yield section(
        "Escalations pending", "decisions for a person", "".join(map(sections.escalation, document.escalations))
    )
    failed = [(row.ticket, row.title, f"{row.outcome}: {row.reason}") for row in document.failed]
    yield section("Failed", "", entries(failed, "bad"))
    skipped = [(row.ticket, row.title, row.reason) for row in document.skipped]
    yield section("Skipped", "they stay in the queue for the next batch", entries(skipped, ""))
    yield section("Unready", "not admitted, not in the total", sections.unready(document))
    yield section("Left out", "", entries([(row.ticket, "", row.reason) for row in document.left_out], ""))
    yield section("Warnings", "", entries([(row.ticket, "", row.text) for row in document.warnings], "warn"))
    yield section("Spending", "", sections.spent(document))
    yield section("Metrics", "against their targets", sections.metrics(document))
