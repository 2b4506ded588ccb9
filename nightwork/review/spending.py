"""What a batch has spent, said alike in every form of the review."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from nightwork.review.document import ReviewDocument, SpendingRow, WaitRow
from nightwork.review.words import line, money, number_of

_MOST = 12


def sentences(document: ReviewDocument) -> list[str]:
    """Return the spending as a few lines: in all, by ticket, by stage, by model, and what was waited for."""
    rows = document.spending
    parts = [_total(document), *_told_by(rows, "ticket", lambda row: row.ticket)] if rows else []
    parts += _told_by(rows, "stage", lambda row: row.stage)
    parts += _told_by(rows, "model", lambda row: row.model)
    return [*parts, *map(_wait, document.waits)]


def _wait(row: WaitRow) -> str:
    if row.kind == "refused":  # nothing waits for a person's hand
        return line(row.told)
    return f"waited for {line(row.provider)}: {row.kind}, {line(row.told)}"


def _total(document: ReviewDocument) -> str:
    rows, limit = document.spending, document.budget_usd
    told = money(document.cost_usd) + (f" of {money(limit)}" if limit is not None else "")
    parts = [f"{told} in {number_of(sum(row.calls for row in rows), 'call')}"]
    read = sum(row.cache_read_tokens for row in rows)
    sent = read + sum(row.input_tokens + row.cache_write_tokens for row in rows)
    if sent:
        parts.append(f"{100 * read / sent:.0f} % of {sent:,} input tokens from the cache")
    unconfirmed = sum(row.unconfirmed_usd for row in rows)
    if unconfirmed:
        parts.append(f"{money(unconfirmed)} of it for calls whose end nobody saw, which count in full")
    return ", ".join(parts)


def _told_by(rows: Sequence[SpendingRow], name: str, key: Callable[[SpendingRow], str]) -> Iterator[str]:
    """Tell who spent how much, the dearest first; nothing when there is nothing to tell apart."""
    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[key(row)] += row.cost_usd
    dearest = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{line(who, 60)} {money(usd)}" for who, usd in dearest[:_MOST])
    rest = f", and {len(dearest) - _MOST} more" if len(dearest) > _MOST else ""
    if dearest:
        yield f"by {name}: {shown}{rest}"
