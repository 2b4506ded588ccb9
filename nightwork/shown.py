"""Results that show themselves: as HTML in a notebook, as text in a Python shell; those of unfinished runs too."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod

from rich.console import Console, RenderableType

from nightwork.errors import NightworkError

WIDTH = 100


class Shown(ABC):
    """A result that notebooks and shells show by themselves."""

    __slots__ = ()

    @abstractmethod
    def html(self) -> str:
        """Return it as a piece of HTML that needs nothing else, of bounded size, with all text escaped."""

    @abstractmethod
    def render(self) -> RenderableType:
        """Return it as a terminal shows it."""

    def text(self) -> str:
        """Return it as plain text of at most 100 columns."""
        out = io.StringIO()
        Console(file=out, width=WIDTH, color_system=None, highlight=False, force_jupyter=False).print(self.render())
        return out.getvalue().rstrip("\n")

    def _repr_html_(self) -> str:
        return self.html()

    # IPython prefers a `__repr__`, which models and dataclasses have, to an inherited `_repr_pretty_`; not to this.
    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}


class Unended(NightworkError):
    """Carries the result of a run that did not complete to whoever called it: (result, how the run ended, in words)."""

    @property
    def result(self) -> Shown:
        """What the run came to all the same."""
        result: Shown = self.args[0]
        return result

    def __str__(self) -> str:
        return str(self.args[1])

    def __repr__(self) -> str:
        return f"Unended({str(self)!r})"

    def _repr_html_(self) -> str:
        return self.result.html()

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/html": self.result.html(), "text/plain": f"{self}\n{self.result.text()}"}

    def _render_traceback_(self) -> list[str]:
        """Show how the run ended instead of where in the code: nothing in the code is wrong."""
        return [str(self), "", self.result.text()]
