"""What all HTML of nightwork stands in: nothing loaded, no script, fit for light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from nightwork.markdown import one_line


def frame(title: str, style: str, body: str) -> str:
    """Return one self-contained HTML page; title and body are escaped already.

    The Content-Security-Policy says to the browser as well that nothing runs, should an escape ever be forgotten.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def block(kind: str, style: str, body: str) -> str:
    """Return a piece of HTML for a notebook, whose style reaches nothing outside of it; the body is escaped already.

    Notebooks have themes of their own, which no media query tells: all colours are mixed from that of the text.
    """
    scope = f".nightwork.nightwork-{kind}"
    return f'<div class="nightwork nightwork-{kind}"><style>{scope} {{\n{_MIXED}{style}}}</style>\n{body}\n</div>'


def summary(kind: str, told: Sequence[str], content: str) -> str:
    """Return a `block` of hostile lines, the first of which says it all, above content that is escaped already."""
    first, *others = (shortened(text, 600) for text in told)
    lines = "".join(f'<p class="note">{text}</p>' for text in others)
    return block(kind, "", f'<p class="lead">{first}</p>{lines}{content}')


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], most: int, longest: int = 200) -> str:
    """Return a table of hostile texts for a `block`: the first `most` rows, and how many there are more."""
    cells = [[_cell(cell, longest) for cell in row] for row in rows]
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells[:most])
    more = f'<p class="note">and {len(cells) - most:,} more</p>' if len(cells) > most else ""
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}' if cells else ""


def shortened(text: object, longest: int = 200) -> str:
    """Return hostile text as one escaped line of at most so many characters."""
    line = one_line(str(text))
    return escape(line if len(line) <= longest else f"{line[: longest - 1]}…")


def _cell(value: object, longest: int) -> str:
    """Return a cell; numbers stand to the right."""
    if isinstance(value, int | float):
        return f'<td class="figure">{value:,}</td>'
    return f"<td>{shortened(value, longest)}</td>"


# What a notebook says of tables and code is said back here; two classes weigh more than its one.
_MIXED = """
--ink: currentColor; --card: transparent; --ground: transparent; --paper: transparent;
--soft: color-mix(in srgb, currentColor 70%, transparent); --edge: color-mix(in srgb, currentColor 22%, transparent);
--line: color-mix(in srgb, currentColor 22%, transparent);
--plain-bg: color-mix(in srgb, currentColor 9%, transparent); --accent: color-mix(in srgb, currentColor 45%, #2f6bff);
--mark: color-mix(in srgb, currentColor 35%, #2f6bff); --miss: color-mix(in srgb, currentColor 40%, #e5352b);
--good: color-mix(in srgb, currentColor 50%, #14a04b); --good-bg: color-mix(in srgb, #14a04b 15%, transparent);
--warn: color-mix(in srgb, currentColor 50%, #d98a00); --warn-bg: color-mix(in srgb, #d98a00 17%, transparent);
--bad: color-mix(in srgb, currentColor 50%, #e5352b); --bad-bg: color-mix(in srgb, #e5352b 15%, transparent);
max-width: 1080px; padding: 2px 0 6px; overflow-wrap: anywhere; line-height: 1.45;
font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 14px;
table { margin: 4px 0 8px; border: 0; table-layout: auto; font-size: inherit; }
thead { border: 0; }
tbody tr:nth-child(n), tbody tr:nth-child(n):hover { background: none; }
th, td { text-align: left; vertical-align: top; max-width: none; white-space: normal; }
code { padding: 0; background: none; color: inherit; }
.plain { border-collapse: collapse; }
.plain th { padding: 3px 14px 3px 0; border-bottom: 1px solid var(--edge); color: var(--soft); font-weight: 600; }
.plain td { padding: 3px 14px 3px 0; border-bottom: 1px solid var(--edge); }
.plain .figure { text-align: right; font-variant-numeric: tabular-nums; }
.lead { margin: 0 0 6px; font-weight: 600; }
.note { margin: 2px 0; color: var(--soft); font-size: 13px; }
"""
