"""Reports in the Prefect UI, kept as well as the server lets: none of them can end the work that it tells of."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from datetime import datetime

from prefect.artifacts import create_markdown_artifact

from flows.wiring.effort import best_effort
from nightwork.batch import Batch
from nightwork.markdown import escape

logger = logging.getLogger("nightwork.artifacts")
_NOT_KEPT = "a report was not kept"


def report(kind: str, subject: str, markdown: str) -> None:
    """Keep a report on a batch."""
    with best_effort(logger, _NOT_KEPT):
        create_markdown_artifact(markdown, key=_key(kind), description=subject)


def report_on(kind: str, ticket: str, markdown: str, batch_id: str = "") -> None:
    """Keep a report on one ticket."""
    where = f"{ticket} in batch {batch_id}" if batch_id else ticket
    with best_effort(logger, _NOT_KEPT):
        create_markdown_artifact(markdown, key=_key(f"{kind}-{ticket}"), description=where)


def report_review(kind: str, batch: Batch) -> None:
    """Keep the review of a batch, as it was last written, with the run that a person has started."""
    written = batch.folder / "review.md"
    if written.exists():
        report(kind, batch.id, written.read_text(encoding="utf-8"))


@contextlib.contextmanager
def waits_shown(batch: str) -> Iterator[None]:
    """Keep a report on what a batch waits for, made anew whenever a provider takes no more requests."""
    handler = _Waits(batch)
    handler.addFilter(lambda record: hasattr(record, "waiting_until"))
    source = logging.getLogger("nightwork.llm")
    source.addHandler(handler)
    try:
        yield
    finally:
        source.removeHandler(handler)


class _Waits(logging.Handler):
    """Adds each wait that is told to the report on all of them."""

    def __init__(self, batch: str) -> None:
        super().__init__()
        self._batch = batch
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take up one wait; it is known under the handler's lock, so that none is lost."""
        at = datetime.fromtimestamp(record.created).astimezone()
        self._lines.append(f"- {at:%Y-%m-%d %H:%M}: {escape(record.getMessage())}")
        report("waits", self._batch, "\n".join(["# Waits", "", *self._lines]))


def _key(text: str) -> str:
    """Return an artifact key: lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
