"""The texts that a finished ticket leaves: commit message, merge request, follow-up ticket. All input is hostile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from nightwork.agent.results import FollowUp, Plan, Scope, Work
from nightwork.change import Change
from nightwork.markdown import escape, printable, table
from nightwork.redact import redact
from nightwork.ticket import Ticket


def commit_message(ticket: Ticket, work: Work, batch_id: str) -> str:
    """Return the commit message in the contract's form (batch-pipeline.md, "Commit Conventions")."""
    subject = f"{ticket.commit_type()}({ticket.id}): {_line(work.summary)}"
    if len(subject) > 100:
        subject = subject[:97].rstrip() + "..."
    body = [f"- {_line(change)}" for change in work.changes]
    trailers = [f"Agent: batch-{batch_id}", "Checkpoint: C2-complete", "Quality-Score: pending-gates"]
    return redact("\n".join([subject, "", *body, *([""] if body else []), *trailers]) + "\n")


def merge_request_body(
    ticket: Ticket,
    scope: Scope,
    plan: Plan,
    change: Change,
    follow_up: Path | None,
    *,
    notes: Sequence[str] = (),
    reach: str = "",
    confined: bool = True,
) -> str:
    """Return what a reviewer reads first: scope, plan, risks, difference, evidence, what remains.

    `notes` say how it came about; `reach` what the agent could reach.
    """
    added, deleted = change.lines()
    parts = [
        f"# {escape(ticket.id)}: {escape(ticket.title)}",
        f"Draft. Branch `{change.branch}`, standing on {change.origin[:12]}, attempt {change.attempt}.",
        *([] if confined else ["Unconfined: the agent ran without a sandbox."]),
        *(["Stacked on " + ", ".join(change.stacked_on) + ": merge those first."] if change.stacked_on else []),
        "## Scope",
        escape(scope.objective),
        _bullets("In scope", scope.in_scope),
        _bullets("Out of scope", scope.out_of_scope),
        "## Plan",
        escape(plan.approach),
        _bullets("Tests", plan.tests),
        *_risks(plan),
        f"## Difference: {len(change.files)} files, +{added} -{deleted}",
        table(("file", "", "+", "-"), [(f.path, f.status, _count(f.added), _count(f.deleted)) for f in change.files]),
        *(["## How it came about", "\n".join(f"- {escape(note)}" for note in notes)] if notes else []),
        "## Evidence",
        "The gates judge this branch in the morning; `nightwork review` shows what they say.",
        *([escape(reach)] if reach else []),
        *_remaining(change.remaining, follow_up),
    ]
    return "\n\n".join(part for part in parts if part)


def follow_up_ticket(ticket: Ticket, follow_up: FollowUp, remaining: Sequence[str]) -> str:
    """Return a draft ticket for what was left undone; without the ready label, so that a person looks at it first."""
    front = {
        "id": f"{ticket.id}-follow-up",
        "title": _line(follow_up.title),
        "labels": ["draft", "follow-up"],
        "priority": str(ticket.priority),
        "dependencies": [ticket.id],
    }
    criteria = follow_up.acceptance_criteria or tuple(remaining)
    lines = [f"- {_line(item)}" for item in criteria]
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    description = escape(follow_up.description)
    return f"---\n{head}---\n\n{description}\n\n## Acceptance criteria\n\n" + "\n".join(lines) + "\n"


def _risks(plan: Plan) -> list[str]:
    if not plan.risks:
        return []
    rows = [(risk.kind, risk.description, risk.likelihood, risk.impact) for risk in plan.risks]
    return ["## Risks", table(("kind", "risk", "likelihood", "impact"), rows)]


def _remaining(remaining: Sequence[str], follow_up: Path | None) -> list[str]:
    if not remaining:
        return []
    where = [f"A draft follow-up ticket is in `{follow_up.parent.name}/{follow_up.name}`."] if follow_up else []
    return ["## What remains", "\n".join(f"- {escape(point)}" for point in remaining), *where]


def _bullets(title: str, points: Sequence[str]) -> str:
    return "\n".join([f"{title}:", "", *(f"- {escape(point)}" for point in points)]) if points else ""


def _line(text: str) -> str:
    return " ".join(printable(text).split())


def _count(lines: int | None) -> str:
    return "binary" if lines is None else str(lines)
