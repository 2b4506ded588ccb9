"""The parts of a review as HTML, for its page and for notebooks; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nightwork.agent.results import Option
from nightwork.gates.judgement import GateStatus
from nightwork.metrics import Metric
from nightwork.outcome import Verdict
from nightwork.review import spending, words
from nightwork.review.document import EscalationRow, GateRow, QueueRow, ReviewDocument, SpendingRow
from nightwork.review.elements import badge, card, line, listed, prose, signs, tile, titled
from nightwork.score import PASS_MARK

_DECISION_TONES = {"approve": "good", "reject": "bad"}
_SECURITY_TONES = {"OK": "good", "not run": "warn", "no gate": "warn"}
_GATE_TONES = {GateStatus.PASSED: "good", GateStatus.FAILED: "bad", GateStatus.NOT_RUN: "warn"}
_COUNT_TONES = {"Completed": "good", "Partial": "warn", "Escalated": "warn", "Failed": "bad", "Aborted": "bad"}
_RISK_TONES = {"low": "good", "medium": "warn", "high": "bad"}
_TARGET_TONES = {True: "good", False: "bad", None: ""}


def header(document: ReviewDocument) -> str:
    """Return what batch this is, from where and by whom."""
    facts = f"base <code>{line(document.base)[:12]}</code> · sandbox {line(document.sandbox)}"
    facts += f" · agent: {line(document.agent, 400)}" if document.agent else ""
    return (
        f'<header><p class="kicker">nightwork · batch review</p><h1>{line(document.batch_id)} '
        f"{badge(document.status, '')}</h1><p>{facts}</p></header>"
    )


def tiles(document: ReviewDocument) -> str:
    """Return the counts and what there is to review."""
    tiles = [tile("Tickets", str(document.total), "")]
    tiles += [tile(name, str(count), _COUNT_TONES.get(name, "")) for name, count in words.counted(document)]
    if document.unready:
        tiles.append(tile("Unready", str(len(document.unready)), "", "apart"))
    tiles.append(tile("Cost", words.money(document.cost_usd), ""))
    return f'<div class="tiles">{"".join(tiles)}</div><p class="workload">To review: {words.workload(document)}.</p>'


def next_steps(document: ReviewDocument) -> str:
    """Return the commands to go on with."""
    items = "".join(f"<li>{_step(text)}</li>" for text in document.next_steps)
    return f'<ol class="steps">{items}</ol>' if items else ""


def _step(text: str) -> str:
    command, said = words.step(text)
    code = f'<code class="command">{escape(command)}</code> ' if command else ""
    return f'{code}<span class="{"note" if command else ""}">{escape(said)}</span>'


def queue(document: ReviewDocument) -> str:
    """Return the ranked queue as a table, with what the gates say behind a fold."""
    rows = "".join(_row(number, row) for number, row in enumerate(document.queue, 1))
    heads = '<th class="number">#</th><th>Ticket</th><th>Score</th><th>Security</th><th>State</th><th>Review</th>'
    if not rows:
        return ""
    order = f'<p class="note">Order: {line(", then ".join(document.order))}.</p>'
    return f'{order}<table class="queue"><thead><tr>{heads}</tr></thead>{rows}</table>'


def _row(number: int, row: QueueRow) -> str:
    secure = words.security(row)
    flags = [*words.flags(row), *(["conflicts"] if row.conflicts_with else [])]
    badges = "".join(badge(flag, "flag") for flag in flags)
    return f"""<tbody class="item"><tr>
<td class="number">{number}</td>
<td class="what"><strong>{line(row.ticket)}</strong> <span class="title">{line(row.title)}</span>
<span class="why">{line(row.why)}</span></td>
<td class="score">{_score(row)}</td>
<td><span class="label">Security </span>{badge(secure, _SECURITY_TONES.get(secure, "bad"))}</td>
<td>{_readiness(row)}{badges}</td>
<td class="size"><strong>{words.duration(row.minutes)}</strong> <span class="note">{words.size(row)}</span></td>
</tr><tr class="more"><td></td><td colspan="5">{_details(row)}</td></tr></tbody>
"""


def _readiness(row: QueueRow) -> str:
    if row.decision is not None:
        return badge(words.spaced(row.decision), _DECISION_TONES.get(row.decision, "warn"))
    if row.ready:
        return badge("ready", "good")
    if row.verdict is Verdict.PASSED:
        return badge("not ready", "warn")
    return badge(words.spaced(row.verdict), "bad" if row.verdict is Verdict.VETOED else "warn")


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
    parts.append(titled("Vetoes", listed(row.vetoes)))
    parts.append(titled("Remarks", listed(row.remarks)))
    parts.append(titled("Remains to be done", listed(row.remaining)))
    facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in _facts(row))
    return f"<details><summary>Gates and branch</summary>{''.join(parts)}<dl>{facts}</dl></details>"


def _gate(gate: GateRow) -> str:
    status = badge(words.spaced(gate.status), _GATE_TONES[gate.status])
    said = f'<span class="note">measures {gate.measures}</span> {line(gate.detail, 600)}'
    return f"<li>{status}<strong>{line(gate.gate)}</strong> {said}</li>"


def _facts(row: QueueRow) -> Iterable[tuple[str, str]]:
    yield "Outcome", f"{line(row.outcome)}, attempt {row.attempt}, {words.money(row.cost_usd)}"
    yield "Priority", line(row.priority)
    yield "Branch", f"<code>{line(row.branch)}</code> at <code>{line(row.commit)[:12]}</code>"
    if row.link:
        yield "On the forge", f'<a href="{escape(row.link)}" rel="noreferrer">{escape(row.link)}</a>'
    if row.stacked_on:
        yield "Stands on", line(", ".join(row.stacked_on))
    if row.blocked_by:
        yield "Blocked by", line(row.blocked_by)
    if row.conflicts_with:
        yield "Conflicts with", line(", ".join(row.conflicts_with), 600)
    if words.findings(row):
        yield "Security findings", words.findings(row)
    if row.merge_request:
        yield "Merge request", f"<code>{line(row.merge_request)}</code>"
    if row.follow_up:
        yield "Follow-up ticket", f"<code>{line(row.follow_up)}</code>"


def together(document: ReviewDocument) -> str:
    """Return what came of merging all changes."""
    found = document.together
    if found is None:
        return ""
    pairs = listed(f"{' and '.join(each.tickets)} in {each.place()}" for each in found.conflicts)
    commit = f"<p>All of them in one commit: <code>{line(found.commit)[:12]}</code></p>" if found.commit else ""
    more = commit + titled("Pairs that conflict", pairs)
    more = f"<details><summary>Commit and conflicts</summary>{more}</details>" if more else ""
    return card(_GATE_TONES[found.status], signs(words.together(document)) + more)


def escalation(row: EscalationRow) -> str:
    """Return one question with the ways out."""
    options = "".join(_option(option, option.name == row.recommendation) for option in row.options)
    options = f'<div class="options">{options}</div>{titled("Questions", listed(row.questions))}'
    if row.answer is not None:
        said = f'<p class="answer">Answered: {line(row.answer)}</p>'
        options = f"{said}<details><summary>The options</summary>{options}</details>"
    blocks = f'<p class="blocks">Blocks {line(", ".join(row.blocks))}</p>' if row.blocks else ""
    context = prose(row.context)
    context = f"<details><summary>How it came to this</summary><p>{context}</p></details>" if context else ""
    title = f'<strong>{line(row.ticket)}</strong> <span class="title">{line(row.title)}</span>'
    return (
        f'<article class="escalation"><h3>{title} {badge(words.spaced(row.trigger), "warn")}</h3>'
        f"<p>{prose(row.summary)}</p>{blocks}{options}{context}</article>"
    )


def _option(option: Option, is_advised: bool) -> str:
    advised = badge("recommended", "good") if is_advised else ""
    points = "".join(f'<li class="pro">{line(text, 600)}</li>' for text in option.pros)
    points += "".join(f'<li class="con">{line(text, 600)}</li>' for text in option.cons)
    risk = badge(f"risk {option.risk}", _RISK_TONES[option.risk])
    return (
        f'<div class="option{" advised" if is_advised else ""}"><h4>{line(option.name)} {advised}</h4>'
        f"<p>{prose(option.description)}</p><ul>{points}</ul>{risk}</div>"
    )


def unready(document: ReviewDocument) -> str:
    """Return the tickets that intake did not admit, each with why."""
    return "".join(
        f'<article class="entry"><strong>{line(row.ticket)}</strong> <code>{line(row.where)}</code>'
        f"{listed(row.reasons)}</article>"
        for row in document.unready
    )


def spent(document: ReviewDocument, shown: Iterable[SpendingRow]) -> str:
    """Return the spending in sentences, and row by row behind a fold."""
    heads = ("Ticket", "Stage", "Model", "Calls", "Cost", "Input", "From cache", "To cache", "Output")
    rows = "".join(map(_spent, shown))
    told = listed(spending.sentences(document))
    if not rows:
        return card("", told) if told else ""
    head = "".join(f"<th>{name}</th>" for name in heads)
    table = f'<table class="spending"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return card("", f"{told}<details><summary>Row by row</summary>{table}</details>")


def _spent(row: SpendingRow) -> str:
    tokens = (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens)
    cells = (row.ticket, row.stage, row.model, f"{row.calls:,}", words.money(row.cost_usd), *(f"{n:,}" for n in tokens))
    return "<tr>" + "".join(f"<td>{line(cell)}</td>" for cell in cells) + "</tr>"


def metrics(document: ReviewDocument) -> str:
    """Return the metrics against their targets."""
    tiles = "".join(map(_metric, document.metrics))
    return f'<div class="tiles metrics">{tiles}</div>' if tiles else ""


def _metric(metric: Metric) -> str:
    sign = f"{words.metric_mark(metric)} " if metric.met is not None else ""
    value = sign + ("–" if metric.value is None else words.metric_value(metric))
    note = f"target {metric.target}" + (", not known yet" if metric.value is None else "")
    return tile(metric.name.capitalize(), value, _TARGET_TONES[metric.met], note)
