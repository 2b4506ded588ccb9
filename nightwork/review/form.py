"""What a person reads who decides in a form: one merge request or one escalation as Markdown, all text escaped.

A form is a narrow window, so there are lists and no wide tables; its length is bounded whatever the batch holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nightwork.agent.results import Option
from nightwork.gates.judgement import Scores
from nightwork.markdown import escape, fence
from nightwork.review import words
from nightwork.review.document import EscalationRow, QueueRow
from nightwork.together import Culprit

_MOST = 8  # of each list; the review page has all
NEXT_RUN = "with the next run of answers (14:00 by default), of overnight, or of nightwork resume"
_LINE, _PARAGRAPH = 240, 1200
_CONTEXT = {"Tried", "Why", "Blocks"}


@dataclass(frozen=True)
class Around:
    """What a form tells beside its row.

    `said` is the agent's own summary, line by line; `findings` are those that the change brings; `commands` show and
    merge it; `places` say what can be opened, and where it is.
    """

    said: Sequence[str] = ()
    scores: Scores | None = None
    findings: Sequence[str] = ()
    commands: Sequence[str] = ()
    places: Sequence[tuple[str, str]] = ()


def merge_request_form(row: QueueRow, around: Around, culprits: Iterable[Culprit] = ()) -> str:
    """Return what is asked of a merge request: approve it, request changes, or reject it."""
    broken = [words.broken(each) for each in culprits if each.ticket == row.ticket]
    parts = [
        f"### {_text(row.ticket)}: {_text(row.title)}",
        f"{words.mark(row)} **{'ready' if row.ready else 'not ready'}**: {_text(row.why, _PARAGRAPH)}",
        _facts(_about(row, around.scores, broken)),
        _listed("What the agent says of it", around.said),
        _listed("Vetoes", row.vetoes),
        _listed("Security findings that it brings", around.findings),
        _listed("Where flags were found", row.remarks),
        _listed("What remains to be done", row.remaining),
        _look(around),
        f"Once the branch is pushed: <{row.link}>" if row.link else "",
        "Approving marks it ready and merges nothing. Requested changes become a second commit in the next batch.",
    ]
    return _joined(parts)


def escalation_form(row: EscalationRow, around: Around) -> str:
    """Return what is asked by an escalation: one of its options."""
    parts = [
        f"### {_text(row.ticket)}: {_text(row.title)}",
        f"**{_text(words.spaced(row.trigger))}**: {_text(row.summary, _PARAGRAPH)}",
        _facts(_asked_by(row)),
        *(_option(option, option.name == row.recommendation) for option in row.options[:_MOST]),
        _listed("More options, which the review page describes", [option.name for option in row.options[_MOST:]]),
        _listed("Questions", row.questions),
        _look(around),
        f"The ticket goes on with the answer, and with the comment as it stands, {NEXT_RUN}.",
    ]
    return _joined(parts)


def asked_again(reason: str, form: str) -> str:
    """Return a form that says first why the answer before could not be taken."""
    return f"> **That was not taken:** {_text(reason, _PARAGRAPH)}\n\n{form}"


def _about(row: QueueRow, scores: Scores | None, broken: Sequence[str]) -> Iterable[tuple[str, str]]:
    shares = scores.model_dump(exclude={"total"}) if scores else {}
    parts = ", ".join(f"{name} {words.score(value)}" for name, value in shares.items())
    yield "score", words.score(row.score) + (f" ({parts})" if parts else "")
    yield "verdict", words.spaced(row.verdict) + (f" {row.blocked_by}" if row.blocked_by else "")
    yield "security", words.findings(row) or words.security(row)
    yield "flags", ", ".join(words.flags(row))
    yield "conflicts with", ", ".join(row.conflicts_with[:_MOST])
    yield "breaks, once the others are merged", "; ".join(broken)
    yield "stands on", ", ".join(row.stacked_on[:_MOST])
    yield "outcome", row.outcome if row.remaining else ""
    yield "size", words.size(row)
    yield "cost", words.money(row.cost_usd)
    yield "review", f"about {words.duration(row.minutes)}"


def _asked_by(row: EscalationRow) -> Iterable[tuple[str, str]]:
    yield "waiting for it", ", ".join(row.blocks[:_MOST])
    for line in row.context.splitlines()[:_MOST]:
        name, _, said = line.partition(": ")
        yield (name.lower(), said) if name in _CONTEXT else ("more", line)


def _option(option: Option, is_recommended: bool) -> str:
    mark = ", recommended" if is_recommended else ""
    lines = [f"**Option {_text(option.name)}** ({option.risk} risk{mark}): {_text(option.description, _PARAGRAPH)}", ""]
    lines += [f"- pro: {_text(text)}" for text in option.pros[:_MOST]]
    lines += [f"- con: {_text(text)}" for text in option.cons[:_MOST]]
    return "\n".join(lines).strip()


def _look(around: Around) -> str:
    shown = fence("\n".join(around.commands), "sh") if around.commands else ""
    places = _facts(around.places)
    return _joined(["**Look at it**", shown, places]) if shown or places else ""


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {_text(value, _PARAGRAPH)}" for name, value in facts if value)


def _listed(title: str, texts: Sequence[str]) -> str:
    lines = [f"- {_text(text)}" for text in texts[:_MOST]]
    lines += [f"- and {len(texts) - _MOST} more"] if len(texts) > _MOST else []
    return f"**{title}**\n\n" + "\n".join(lines) if lines else ""


def _text(value: str, limit: int = _LINE) -> str:
    return escape(words.line(value, limit))


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)
