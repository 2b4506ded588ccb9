"""The review as Markdown, for a Prefect artifact: all text is escaped, so that it renders as itself."""

from __future__ import annotations

from collections.abc import Iterable

from nightwork.markdown import escape, fence, table
from nightwork.review import spending, words
from nightwork.review.document import EscalationRow, QueueRow, ReviewDocument

_REMARKS = 10


def artifact(document: ReviewDocument) -> str:
    """Return the document as Markdown."""
    return "\n\n".join(part for part in _parts(document) if part) + "\n"


def _parts(document: ReviewDocument) -> Iterable[str]:
    yield f"# Batch review: {escape(words.line(document.batch_id))}"
    yield _summary(document)
    if document.next_steps:
        yield "## Next steps"
        yield fence("\n".join(_steps(document)), "sh")
    yield _listed("Unconfined", words.unconfined(document))
    yield _listed("Red on the base commit already", document.red_on_base)
    yield "## Ready for review"
    yield _queue(document) if document.queue else "Nothing."
    remarks = ((row.ticket, text) for row in document.queue for text in words.remarks(row, _REMARKS))
    yield _tabled("Remarks", ("ticket", "where a flag was found"), remarks)
    yield _listed("Together, merged into one tree", (f"{sign} {text}" for sign, text in words.together(document)))
    if document.escalations:
        yield "## Escalations pending"
    for row in document.escalations:
        yield from _escalation(row)
    yield _tabled(
        "Failed",
        ("ticket", "title", "outcome", "reason"),
        ((r.ticket, r.title, r.outcome, r.reason) for r in document.failed),
    )
    yield _tabled("Skipped", ("ticket", "title", "reason"), ((r.ticket, r.title, r.reason) for r in document.skipped))
    unready = ((r.ticket, r.where, "; ".join(r.reasons)) for r in document.unready)
    yield _tabled("Unready (not in the total)", ("ticket", "where", "reasons"), unready)
    yield _tabled("Left out", ("ticket", "reason"), ((r.ticket, r.reason) for r in document.left_out))
    yield _tabled("Warnings", ("ticket", "warning"), ((r.ticket, r.text) for r in document.warnings))
    yield _listed("Spending", spending.sentences(document))
    metrics = ((words.metric_mark(m), m.name, words.metric_value(m), m.target) for m in document.metrics)
    yield _tabled("Metrics", ("", "metric", "value", "target"), metrics)


def _summary(document: ReviewDocument) -> str:
    counts = [f"{count} {name.lower()}" for name, count in words.counted(document)]
    counts += [f"{len(document.unready)} unready (apart)"] if document.unready else []
    facts = [
        ("status", document.status),
        ("tickets", f"{document.total}: {', '.join(counts)}" if counts else "0"),
        ("to review", words.workload(document)),
        ("cost", words.money(document.cost_usd)),
        ("base", words.line(document.base)[:12]),
        ("sandbox", words.line(document.sandbox)),
    ]
    facts += [("agent", words.line(document.agent, 400))] if document.agent else []
    return table(("", ""), facts)


def _steps(document: ReviewDocument) -> Iterable[str]:
    for text in document.next_steps:
        command, said = words.step(text)
        yield f"{command}  # {said}" if command else f"# {said}"


def _queue(document: ReviewDocument) -> str:
    headers = ("", "ticket", "title", "score", "security", "verdict", "why", "review", "size", "branch")
    links = "\n".join(f"- {escape(row.ticket)}: <{row.link}>" for row in document.queue if row.link)
    return "\n\n".join(filter(None, [table(headers, map(_row, document.queue)), links]))


def _row(row: QueueRow) -> tuple[str, ...]:
    why = ", ".join([row.why, *words.flags(row)])
    return (
        words.mark(row),
        row.ticket,
        words.line(row.title),
        words.score(row.score),
        words.security(row),
        words.spaced(row.verdict),
        words.line(why, 400),
        words.duration(row.minutes),
        words.size(row),
        words.line(row.branch),
    )


def _escalation(row: EscalationRow) -> Iterable[str]:
    yield f"### {escape(row.ticket)}: {escape(words.line(row.title))}"
    yield f"**{escape(words.spaced(row.trigger))}**: {escape(row.summary)}"
    if row.answer is not None:
        yield f"Answered: {escape(row.answer)}"
    if row.blocks:
        yield f"Blocks {escape(', '.join(row.blocks))}."
    if row.options:
        headers = ("option", "what", "pros", "cons", "risk")
        yield table(headers, (_option(row, number) for number in range(len(row.options))))
    yield "\n".join(f"- {escape(question)}" for question in row.questions)


def _option(row: EscalationRow, number: int) -> tuple[str, ...]:
    option = row.options[number]
    name = f"{option.name} (recommended)" if option.name == row.recommendation else option.name
    return name, option.description, "; ".join(option.pros), "; ".join(option.cons), option.risk


def _listed(title: str, texts: Iterable[str]) -> str:
    lines = "\n".join(f"- {escape(words.line(text, 400))}" for text in texts)
    return f"## {title}\n\n{lines}" if lines else ""


def _tabled(title: str, headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [[words.line(cell, 400) for cell in row] for row in rows]
    return f"## {title}\n\n{table(headers, cells)}" if cells else ""
