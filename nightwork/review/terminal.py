"""The review as a terminal shows it: the contract's dashboard (batch-pipeline.md, "Reviewer Dashboard").

Everything is `Text`, never markup, of text without control characters: nothing that an agent or a ticket wrote can
colour, clear or move anything. Signs and words say it all, colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.metrics import Metric
from nightwork.review import spending, words
from nightwork.review.document import EscalationRow, QueueRow, ReviewDocument

NARROWEST = 60

_REMARKS = 3
_FRAME = 4  # "║ " and " ║"
_MOST_TOGETHER = 8
_STYLES = {"✓": "green", "⚠": "yellow", "✗": "red", "–": "dim"}


def render(document: ReviewDocument, width: int) -> RenderableType:
    """Return the dashboard, `width` columns wide (at least 60)."""
    width = max(width, NARROWEST)
    frame = Table(box=box.DOUBLE, show_header=False, show_lines=True, width=width, padding=(0, 1))
    frame.add_column(overflow="fold")
    title = f"BATCH REVIEW: {words.line(document.batch_id)}"
    frame.add_row(Text(title, style="bold", justify="center", overflow="ellipsis", no_wrap=True))
    for lines in _sections(document, width - _FRAME):
        if lines:
            frame.add_row(Group(*lines))
    return frame


def _sections(document: ReviewDocument, width: int) -> Iterable[list[RenderableType]]:
    yield _summary(document)
    yield _plain("Unconfined:", words.unconfined(document), "⚠")
    yield _plain("Red on the base commit already (not counted against any change):", document.red_on_base)
    yield _queue(document, width)
    yield _together(document)
    yield _escalations(document, width)
    yield _listed("Failed:", "✗", [(f.ticket, f.title, f"{f.outcome}: {f.reason}") for f in document.failed], width)
    yield _listed("Skipped:", "–", [(s.ticket, s.title, s.reason) for s in document.skipped], width)
    yield _unready(document)
    yield _plain("Left out:", [f"{row.ticket}: {row.reason}" for row in document.left_out])
    yield _plain("Warnings:", [f"{row.ticket}: {row.text}" for row in document.warnings])
    yield _plain("Spending:", spending.sentences(document))
    yield _metrics(document)
    yield _next_steps(document)


def _summary(document: ReviewDocument) -> list[RenderableType]:
    facts = [("Total tickets", str(document.total))]
    facts += [(name, str(count)) for name, count in words.counted(document)]
    if document.unready:
        facts.append(("Unready", f"{len(document.unready)} (not in the total)"))
    facts.append(("To review", words.workload(document)))
    facts.append(("Cost", words.money(document.cost_usd)))
    base, sandbox = words.line(document.base)[:12], words.line(document.sandbox)
    facts.append(("Batch", f"{document.status}, base {base}, sandbox {sandbox}"))
    if document.agent:
        facts.append(("Agent", words.line(document.agent, 400)))
    return [_heading("Summary:"), *(_item("", _fact(name, value)) for name, value in facts)]


def _fact(name: str, value: str) -> Text:
    return Text.assemble(f"{name}: ", (value, "bold"))


def _queue(document: ReviewDocument, width: int) -> list[RenderableType]:
    if not document.queue:
        return [_heading("Ready for Review: nothing")]
    scores = [f"[Score: {words.score(row.score)}]" for row in document.queue]
    checks = [f"[Security: {words.security(row)}]" for row in document.queue]
    lines: list[RenderableType] = [_heading("Ready for Review (security, priority, score over 90, the rest):")]
    for row, score, check in zip(document.queue, scores, checks, strict=True):
        right = Text(f"{score:<{max(map(len, scores))}} {check:<{max(map(len, checks))}}")
        lines.append(_headline(words.mark(row), row.ticket, row.title, right, width))
        lines.append(_item("", _about(row), indent=4))
        lines += [_item("", Text(words.line(row.link, 1000), style="dim"), indent=4)] if row.link else []
        lines += [_item("·", Text(text, style="yellow"), indent=4) for text in words.remarks(row, _REMARKS)]
    return lines


def _headline(mark: str, ticket: str, title: str, right: Text, width: int) -> Text:
    name, style = words.line(ticket), _STYLES.get(mark, "")
    left = Text.assemble("  ", (mark, style), " ", (f"{name}:", "bold"), f" {words.line(title)}")
    if right:
        left.truncate(width - right.cell_len - 2, overflow="ellipsis", pad=True)
        return Text.assemble(left, "  ", right, no_wrap=True, overflow="crop")
    left.truncate(width, overflow="ellipsis")
    return Text.assemble(left, no_wrap=True, overflow="crop")


def _about(row: QueueRow) -> Text:
    parts = [words.line(row.why), f"about {words.duration(row.minutes)}", words.size(row)]
    parts += words.flags(row)
    if row.stacked_on:
        parts.append(f"on top of {words.line(', '.join(row.stacked_on))}")
    return Text(" · ".join(parts), style="dim")


def _together(document: ReviewDocument) -> list[RenderableType]:
    lines = [_item(sign, Text(words.line(text, 300))) for sign, text in words.together(document)]
    more = len(lines) - _MOST_TOGETHER
    if more > 0:
        lines[_MOST_TOGETHER:] = [_item("·", Text(f"and {more} more; the page of the review lists them", style="dim"))]
    return [_heading("Together, merged into one tree:"), *lines] if lines else []


def _escalations(document: ReviewDocument, width: int) -> list[RenderableType]:
    lines: list[RenderableType] = [_heading("Escalations Pending:")] if document.escalations else []
    for row in document.escalations:
        mark = "⚠" if row.answer is None else "✓"
        lines.append(_headline(mark, row.ticket, row.title, Text(f"[{words.spaced(row.trigger)}]"), width))
        lines += [_item(sign, text, indent=4) for sign, text in _decision(row)]
    return lines


def _decision(row: EscalationRow) -> Iterable[tuple[str, Text]]:
    yield "", Text(words.line(row.summary, 300))
    if row.blocks:
        yield "", Text(f"blocks {words.line(', '.join(row.blocks))}", style="yellow")
    if row.answer is not None:
        yield "", Text(f"answered: {words.line(row.answer)}", style="green")
        return
    for option in row.options:
        is_advised = option.name == row.recommendation
        name = f"{option.name} (recommended)" if is_advised else option.name
        said = f": {words.line(option.description)} · risk {option.risk}"
        yield "→" if is_advised else "·", Text.assemble((name, "bold" if is_advised else ""), (said, "dim"))
    for question in row.questions:
        yield "?", Text(words.line(question, 300))


def _listed(heading: str, mark: str, rows: list[tuple[str, str, str]], width: int) -> list[RenderableType]:
    lines: list[RenderableType] = [_heading(heading)] if rows else []
    for ticket, title, reason in rows:
        lines.append(_headline(mark, ticket, title, Text(), width))
        lines.append(_item("", Text(words.line(reason, 300), style="dim"), indent=4))
    return lines


def _unready(document: ReviewDocument) -> list[RenderableType]:
    lines: list[RenderableType] = [_heading("Unready (not admitted):")] if document.unready else []
    for row in document.unready:
        name = Text.assemble((words.line(row.ticket), "bold"), (f" {words.line(row.where)}", "dim"))
        lines.append(_item("–", name))
        lines += [_item("·", Text(words.line(reason, 300)), indent=4) for reason in row.reasons]
    return lines


def _plain(heading: str, texts: Iterable[str], mark: str = "·") -> list[RenderableType]:
    lines: list[RenderableType] = [_item(mark, Text(words.line(text, 300))) for text in texts]
    return [_heading(heading), *lines] if lines else []


def _metrics(document: ReviewDocument) -> list[RenderableType]:
    return [_heading("Metrics:"), *(_item(words.metric_mark(metric), _measured(metric)) for metric in document.metrics)]


def _measured(metric: Metric) -> Text:
    said = f"{metric.name.capitalize()}: "
    return Text.assemble(said, (words.metric_value(metric), "bold"), (f" (target {metric.target})", "dim"))


def _next_steps(document: ReviewDocument) -> list[RenderableType]:
    lines: list[RenderableType] = [_heading("Next steps:")] if document.next_steps else []
    for number, text in enumerate(document.next_steps, 1):
        command, said = words.step(text)
        about = Text(said, style="dim" if command else "")
        lines.append(_item(f"{number}.", Text(command, style="bold cyan") if command else about))
        if command:
            lines.append(_item("", about, indent=5))
    return lines


def _heading(text: str) -> Text:
    return Text(text, style="bold")


def _item(mark: str, text: Text, indent: int = 2) -> RenderableType:
    """Return a line with hanging indentation, so that what is wrapped stays under its beginning."""
    grid = Table.grid(padding=0)
    before = Text.assemble(" " * indent, (mark, _STYLES.get(mark, "")), " " if mark else "")
    grid.add_column(width=before.cell_len, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(before, text)
    return grid
