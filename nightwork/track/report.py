"""What an operation over a range came to, as Markdown and for a notebook: what a person has to look at comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nightwork import webpage
from nightwork.markdown import escape, table
from nightwork.outcome import Status
from nightwork.track.result import Row, TrackResult
from nightwork.track.rubric import told

HEADERS = ("module", "outcome", "score", "audit", "rounds", "taken back", "cost", "why")
_MOST = 200


def markdown(result: TrackResult) -> str:
    """Return the report: counts, then the flagged modules with their reasons, then all modules."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: TrackResult) -> Iterator[str]:
    yield from (f"# {escape(result.operation)}: {escape(result.title or result.track)}", "", escape(result.told()), "")
    if result.is_aborted():
        yield from ("The run ended early; the same command goes on where it ended.", "")
    yield escape(f"{result.duration_s:,.0f} s, ${result.cost_usd:,.4f}. Written by {result.model}{_by(result)}.")
    if result.flagged():
        yield from ("", "## For a person", "")
        yield table(("module", "outcome", "why"), ((row.module, row.label(), row.message) for row in result.flagged()))
    yield from ("", "## All modules", "", _all_modules(result.rows))


def _all_modules(rows: Sequence[Row]) -> str:
    """Return the table of all modules without columns that hold nothing; why a person is needed is told above it."""
    told = [(*cells(row)[:-1], "" if row.is_flagged() else row.message) for row in rows]
    used = [place for place in range(len(HEADERS)) if any(each[place] for each in told)]
    return table([HEADERS[place] for place in used], ([each[place] for place in used] for each in told))


def _by(result: TrackResult) -> str:
    return "" if result.pass_mark is None else f", reviewed by {result.reviewer}; the pass mark is {result.pass_mark:g}"


def cells(row: Row) -> Sequence[str]:
    """Return a module as the cells of a table."""
    return (
        row.module,
        row.label(),
        score(row),
        {True: "passes", False: "fails", None: ""}[row.audit],
        str(row.rounds or ""),
        str(row.lost or ""),
        f"${row.cost_usd:.4f}" if row.cost_usd else "",
        row.message,
    )


def score(row: Row) -> str:
    """Return the score as it was found and as it is now: `6.2 → 8.5`."""
    if row.first is None or row.last is None:
        return ""
    return told(row.last) if row.first == row.last else f"{told(row.first)} → {told(row.last)}"


def fragment(result: TrackResult) -> str:
    """Return the result as a piece of HTML for a notebook: flagged modules first, the rest in their order."""
    rows = sorted(result.rows, key=lambda row: (not row.is_flagged(), row.status is not Status.ABORTED))
    told = [result.told(), f"${result.cost_usd:,.4f}, report: {result.report}"]
    return webpage.summary("track", told, webpage.table(HEADERS, map(cells, rows), _MOST))
