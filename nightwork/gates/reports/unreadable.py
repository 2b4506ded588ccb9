"""The one way in which reading a report fails."""

from __future__ import annotations

from nightwork.errors import NightworkError


class UnreadableReport(NightworkError):
    """A report is not of the form it should have, so its gate decides nothing: (form, why)."""

    def __str__(self) -> str:
        form, why = self.args
        return f"not a {form} report: {why}"
