"""The review as one HTML page that needs nothing else; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nightwork.agent.results import Option
from nightwork.gates.judgement import GateStatus
from nightwork.markdown import printable
from nightwork.metrics import Metric
from nightwork.outcome import Verdict
from nightwork.review import spending, words
from nightwork.review.document import EscalationRow, GateRow, QueueRow, ReviewDocument, SpendingRow
from nightwork.review.style import STYLE
from nightwork.score import PASS_MARK
from nightwork.webpage import frame

_DECISION_TONES = {"approve": "good", "reject": "bad"}
_SECURITY_TONES = {"OK": "good", "not run": "warn", "no gate": "warn"}
_GATE_TONES = {GateStatus.PASSED: "good", GateStatus.FAILED: "bad", GateStatus.NOT_RUN: "warn"}
_COUNT_TONES = {"Completed": "good", "Partial": "warn", "Escalated": "warn", "Failed": "bad", "Aborted": "bad"}
_SIGN_TONES = {"✓": "good", "✗": "bad", "⚠": "warn"}
_RISK_TONES = {"low": "good", "medium": "warn", "high": "bad"}
_TARGET_TONES = {True: "good", False: "bad", None: ""}


def page(document: ReviewDocument) -> str:
    """Return the document as HTML."""
    body = "\n".join(part for part in _parts(document) if part)
    title = f"Batch review {_line(document.batch_id)}"
    return frame(title, STYLE, body)


def _parts(document: ReviewDocument) -> Iterable[str]:
    yield _header(document)
    yield _tiles(document)
    unconfined = "".join(_card("warn", _signs([("⚠", text)])) for text in words.unconfined(document))
    yield _section("Unconfined", "", unconfined)
    yield _section("Red on the base commit already", "not counted against any change", _list(document.red_on_base))
    yield _section("Next steps", "", _next_steps(document))
    yield _section("Ready for review", "", _queue(document) or "<p>Nothing.</p>")
    yield _section("Together", "merged into one tree, in memory", _together(document))
    yield _section("Escalations pending", "decisions for a person", "".join(map(_escalation, document.escalations)))
    failed = [(row.ticket, row.title, f"{row.outcome}: {row.reason}") for row in document.failed]
    yield _section("Failed", "", _entries(failed, "bad"))
    skipped = [(row.ticket, row.title, row.reason) for row in document.skipped]
    yield _section("Skipped", "they stay in the queue for the next batch", _entries(skipped, ""))
    yield _section("Unready", "not admitted, not in the total", _unready(document))
    yield _section("Left out", "", _entries([(row.ticket, "", row.reason) for row in document.left_out], ""))
    yield _section("Warnings", "", _entries([(row.ticket, "", row.text) for row in document.warnings], "warn"))
    yield _section("Spending", "", _spending(document))
    yield _section("Metrics", "against their targets", _metrics(document))


def _header(document: ReviewDocument) -> str:
    facts = f"base <code>{_line(document.base)[:12]}</code> · sandbox {_line(document.sandbox)}"
    facts += f" · agent: {_line(document.agent, 400)}" if document.agent else ""
    return (
        f'<header><p class="kicker">nightwork · batch review</p><h1>{_line(document.batch_id)} '
        f"{_badge(document.status, '')}</h1><p>{facts}</p></header>"
    )


def _tiles(document: ReviewDocument) -> str:
    tiles = [_tile("Tickets", str(document.total), "")]
    tiles += [_tile(name, str(count), _COUNT_TONES.get(name, "")) for name, count in words.counted(document)]
    if document.unready:
        tiles.append(_tile("Unready", str(len(document.unready)), "", "apart"))
    tiles.append(_tile("Cost", words.money(document.cost_usd), ""))
    return f'<div class="tiles">{"".join(tiles)}</div><p class="workload">To review: {words.workload(document)}.</p>'


def _tile(name: str, value: str, tone: str, note: str = "") -> str:
    below = f'<span class="note">{_line(note)}</span>' if note else ""
    return f'<div class="tile {tone}"><span class="value">{_line(value)}</span><span>{_line(name)}</span>{below}</div>'


def _section(title: str, note: str, content: str) -> str:
    if not content:
        return ""
    about = f' <span class="note">{_line(note)}</span>' if note else ""
    return f"<section><h2>{_line(title)}{about}</h2>{content}</section>"


def _next_steps(document: ReviewDocument) -> str:
    items = "".join(f"<li>{_step(text)}</li>" for text in document.next_steps)
    return f'<ol class="steps">{items}</ol>' if items else ""


def _step(text: str) -> str:
    command, said = words.step(text)
    code = f'<code class="command">{escape(command)}</code> ' if command else ""
    return f'{code}<span class="{"note" if command else ""}">{escape(said)}</span>'


def _queue(document: ReviewDocument) -> str:
    rows = "".join(_row(number, row) for number, row in enumerate(document.queue, 1))
    heads = '<th class="number">#</th><th>Ticket</th><th>Score</th><th>Security</th><th>State</th><th>Review</th>'
    if not rows:
        return ""
    order = f'<p class="note">Order: {_line(", then ".join(document.order))}.</p>'
    return f'{order}<table class="queue"><thead><tr>{heads}</tr></thead>{rows}</table>'


def _row(number: int, row: QueueRow) -> str:
    secure = words.security(row)
    flags = [*words.flags(row), *(["conflicts"] if row.conflicts_with else [])]
    badges = "".join(_badge(flag, "flag") for flag in flags)
    return f"""<tbody class="item"><tr>
<td class="number">{number}</td>
<td class="what"><strong>{_line(row.ticket)}</strong> <span class="title">{_line(row.title)}</span>
<span class="why">{_line(row.why)}</span></td>
<td class="score">{_score(row)}</td>
<td><span class="label">Security </span>{_badge(secure, _SECURITY_TONES.get(secure, "bad"))}</td>
<td>{_readiness(row)}{badges}</td>
<td class="size"><strong>{words.duration(row.minutes)}</strong> <span class="note">{words.size(row)}</span></td>
</tr><tr class="more"><td></td><td colspan="5">{_details(row)}</td></tr></tbody>
"""


def _readiness(row: QueueRow) -> str:
    if row.decision is not None:
        return _badge(words.spaced(row.decision), _DECISION_TONES.get(row.decision, "warn"))
    if row.ready:
        return _badge("ready", "good")
    if row.verdict is Verdict.PASSED:
        return _badge("not ready", "warn")
    return _badge(words.spaced(row.verdict), "bad" if row.verdict is Verdict.VETOED else "warn")


def _score(row: QueueRow) -> str:
    if row.score is None:
        return '<span class="points">n/a</span>'
    share = min(max(row.score, 0.0), 100.0)
    tone = "good" if share >= PASS_MARK else "bad"
    bar = f'<span class="bar {tone}" style="--pass:{PASS_MARK}%"><i style="width:{share:.1f}%"></i></span>'
    return f'<span class="points">{words.score(row.score)}</span>{bar}'


def _details(row: QueueRow) -> str:
    gates = "".join(map(_gate, row.gates))
    parts = [f'<ul class="gates">{gates}</ul>' if gates else "<p>No gate has judged this commit.</p>"]
    parts.append(_titled("Vetoes", _list(row.vetoes)))
    parts.append(_titled("Remarks", _list(row.remarks)))
    parts.append(_titled("Remains to be done", _list(row.remaining)))
    facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in _facts(row))
    return f"<details><summary>Gates and branch</summary>{''.join(parts)}<dl>{facts}</dl></details>"


def _gate(gate: GateRow) -> str:
    status = _badge(words.spaced(gate.status), _GATE_TONES[gate.status])
    said = f'<span class="note">measures {gate.measures}</span> {_line(gate.detail, 600)}'
    return f"<li>{status}<strong>{_line(gate.gate)}</strong> {said}</li>"


def _facts(row: QueueRow) -> Iterable[tuple[str, str]]:
    yield "Outcome", f"{_line(row.outcome)}, attempt {row.attempt}, {words.money(row.cost_usd)}"
    yield "Priority", _line(row.priority)
    yield "Branch", f"<code>{_line(row.branch)}</code> at <code>{_line(row.commit)[:12]}</code>"
    if row.link:
        yield "On the forge", f'<a href="{escape(row.link)}" rel="noreferrer">{escape(row.link)}</a>'
    if row.stacked_on:
        yield "Stands on", _line(", ".join(row.stacked_on))
    if row.blocked_by:
        yield "Blocked by", _line(row.blocked_by)
    if row.conflicts_with:
        yield "Conflicts with", _line(", ".join(row.conflicts_with), 600)
    if words.findings(row):
        yield "Security findings", words.findings(row)
    if row.merge_request:
        yield "Merge request", f"<code>{_line(row.merge_request)}</code>"
    if row.follow_up:
        yield "Follow-up ticket", f"<code>{_line(row.follow_up)}</code>"


def _together(document: ReviewDocument) -> str:
    found = document.together
    if found is None:
        return ""
    pairs = _list(f"{' and '.join(each.tickets)} in {each.place()}" for each in found.conflicts)
    commit = f"<p>All of them in one commit: <code>{_line(found.commit)[:12]}</code></p>" if found.commit else ""
    more = commit + _titled("Pairs that conflict", pairs)
    more = f"<details><summary>Commit and conflicts</summary>{more}</details>" if more else ""
    return _card(_GATE_TONES[found.status], _signs(words.together(document)) + more)


def _signs(lines: Iterable[tuple[str, str]]) -> str:
    """Return lines, each with its sign."""
    items = (
        f'<li><span class="sign {_SIGN_TONES.get(sign, "")}">{sign}</span> {_line(text, 600)}</li>'
        for sign, text in lines
    )
    return f'<ul class="signs">{"".join(items)}</ul>'


def _card(tone: str, content: str) -> str:
    return f'<article class="entry {tone}">{content}</article>'


def _escalation(row: EscalationRow) -> str:
    options = "".join(_option(option, option.name == row.recommendation) for option in row.options)
    options = f'<div class="options">{options}</div>{_titled("Questions", _list(row.questions))}'
    if row.answer is not None:
        said = f'<p class="answer">Answered: {_line(row.answer)}</p>'
        options = f"{said}<details><summary>The options</summary>{options}</details>"
    blocks = f'<p class="blocks">Blocks {_line(", ".join(row.blocks))}</p>' if row.blocks else ""
    context = _prose(row.context)
    context = f"<details><summary>How it came to this</summary><p>{context}</p></details>" if context else ""
    title = f'<strong>{_line(row.ticket)}</strong> <span class="title">{_line(row.title)}</span>'
    return (
        f'<article class="escalation"><h3>{title} {_badge(words.spaced(row.trigger), "warn")}</h3>'
        f"<p>{_prose(row.summary)}</p>{blocks}{options}{context}</article>"
    )


def _option(option: Option, is_advised: bool) -> str:
    advised = _badge("recommended", "good") if is_advised else ""
    points = "".join(f'<li class="pro">{_line(text, 600)}</li>' for text in option.pros)
    points += "".join(f'<li class="con">{_line(text, 600)}</li>' for text in option.cons)
    risk = _badge(f"risk {option.risk}", _RISK_TONES[option.risk])
    return (
        f'<div class="option{" advised" if is_advised else ""}"><h4>{_line(option.name)} {advised}</h4>'
        f"<p>{_prose(option.description)}</p><ul>{points}</ul>{risk}</div>"
    )


def _unready(document: ReviewDocument) -> str:
    return "".join(
        f'<article class="entry"><strong>{_line(row.ticket)}</strong> <code>{_line(row.where)}</code>'
        f"{_list(row.reasons)}</article>"
        for row in document.unready
    )


def _entries(rows: Iterable[tuple[str, str, str]], tone: str) -> str:
    return "".join(
        f'<article class="entry {tone}"><strong>{_line(ticket)}</strong> <span class="title">{_line(title)}</span>'
        f'<span class="why">{_line(text, 600)}</span></article>'
        for ticket, title, text in rows
    )


def _spending(document: ReviewDocument) -> str:
    """Return the spending in sentences, and row by row behind a fold."""
    heads = ("Ticket", "Stage", "Model", "Calls", "Cost", "Input", "From cache", "To cache", "Output")
    rows = "".join(_spent(row) for row in document.spending)
    told = _list(spending.sentences(document))
    if not rows:
        return _card("", told) if told else ""
    head = "".join(f"<th>{name}</th>" for name in heads)
    table = f'<table class="spending"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return _card("", f"{told}<details><summary>Row by row</summary>{table}</details>")


def _spent(row: SpendingRow) -> str:
    tokens = (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens)
    cells = (row.ticket, row.stage, row.model, f"{row.calls:,}", words.money(row.cost_usd), *(f"{n:,}" for n in tokens))
    return "<tr>" + "".join(f"<td>{_line(cell)}</td>" for cell in cells) + "</tr>"


def _metrics(document: ReviewDocument) -> str:
    tiles = "".join(map(_metric, document.metrics))
    return f'<div class="tiles metrics">{tiles}</div>' if tiles else ""


def _metric(metric: Metric) -> str:
    sign = f"{words.metric_mark(metric)} " if metric.met is not None else ""
    value = sign + ("–" if metric.value is None else words.metric_value(metric))
    note = f"target {metric.target}" + (", not known yet" if metric.value is None else "")
    return _tile(metric.name.capitalize(), value, _TARGET_TONES[metric.met], note)


def _titled(title: str, content: str) -> str:
    return f"<h4>{title}</h4>{content}" if content else ""


def _list(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{_line(text, 600)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _badge(text: str, tone: str) -> str:
    return f'<span class="badge {tone}">{_line(text)}</span>'


def _line(text: object, limit: int = 200) -> str:
    return escape(words.line(text, limit))


def _prose(text: str) -> str:
    return escape(printable(text)).strip().replace("\n", "<br>")
