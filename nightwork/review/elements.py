"""The elements that a review's HTML is built of: in each of them all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nightwork.markdown import printable
from nightwork.review import words

_SIGN_TONES = {"✓": "good", "✗": "bad", "⚠": "warn"}


def section(title: str, note: str, content: str) -> str:
    """Return a section; nothing without content."""
    if not content:
        return ""
    about = f' <span class="note">{line(note)}</span>' if note else ""
    return f"<section><h2>{line(title)}{about}</h2>{content}</section>"


def card(tone: str, content: str) -> str:
    """Return content, which is HTML, in a card."""
    return f'<article class="entry {tone}">{content}</article>'


def titled(title: str, content: str) -> str:
    """Return content, which is HTML, below a small heading; nothing without content."""
    return f"<h4>{title}</h4>{content}" if content else ""


def entries(rows: Iterable[tuple[str, str, str]], tone: str) -> str:
    """Return a card for each (ticket, title, text)."""
    return "".join(
        f'<article class="entry {tone}"><strong>{line(ticket)}</strong> <span class="title">{line(title)}</span>'
        f'<span class="why">{line(text, 600)}</span></article>'
        for ticket, title, text in rows
    )


def tile(name: str, value: str, tone: str, note: str = "") -> str:
    """Return a number with its name."""
    below = f'<span class="note">{line(note)}</span>' if note else ""
    return f'<div class="tile {tone}"><span class="value">{line(value)}</span><span>{line(name)}</span>{below}</div>'


def signs(lines: Iterable[tuple[str, str]]) -> str:
    """Return lines, each with its sign."""
    items = (
        f'<li><span class="sign {_SIGN_TONES.get(sign, "")}">{sign}</span> {line(text, 600)}</li>'
        for sign, text in lines
    )
    return f'<ul class="signs">{"".join(items)}</ul>'


def listed(texts: Iterable[str]) -> str:
    """Return a list; nothing without texts."""
    items = "".join(f"<li>{line(text, 600)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def badge(text: str, tone: str) -> str:
    """Return a word or two as a badge."""
    return f'<span class="badge {tone}">{line(text)}</span>'


def line(text: object, limit: int = 200) -> str:
    """Return hostile text as one line of at most `limit` characters."""
    return escape(words.line(text, limit))


def prose(text: str) -> str:
    """Return hostile text with its line breaks."""
    return escape(printable(text)).strip().replace("\n", "<br>")
