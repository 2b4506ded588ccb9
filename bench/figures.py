"""Measured figures, the bars they are held against, and how both are told."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value; with a bar it is met when it is at most as large."""

    name: str
    value: float
    unit: str = ""
    bar: float | None = None
    note: str = ""

    def met(self) -> bool | None:
        """Say whether the bar is met; None without one."""
        return None if self.bar is None else self.value <= self.bar

    def as_dict(self) -> dict[str, Any]:
        """Return the figure as JSON holds it, `met` included."""
        return {**asdict(self), "met": self.met()}


def show(found: Iterable[tuple[str, Iterable[Figure]]]) -> None:
    """Print benchmarks (title, figures) below each other, in the same columns."""
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    marks = {True: "[green]met[/]", False: "[red]MISSED[/]", None: ""}
    for title, figures in found:
        console.print(f"[bold]{title}[/]")
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(width=58)
        for width in (10, 13):
            table.add_column(width=width, justify="right")
        table.add_column(width=6)
        table.add_column()
        for figure in figures:
            bar = "" if figure.bar is None else f"<= {_told(figure.bar, figure.unit)}"
            value = _told(figure.value, figure.unit)
            table.add_row(f"  {figure.name}", value, bar, marks[figure.met()], f"[dim]{figure.note}[/]")
        console.print(table)


def _told(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()


def missed(figures: Iterable[Figure]) -> bool:
    """Say whether any bar is missed."""
    return any(figure.met() is False for figure in figures)


def main(title: str, measure: Callable[[], Sequence[Figure]]) -> None:
    """Run one benchmark as a program: a table, or JSON with `--json`; exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    as_json = parser.parse_args().json
    figures = measure()
    if as_json:
        print(json.dumps({"title": title, "figures": [figure.as_dict() for figure in figures]}))
    else:
        show([(title, figures)])
    sys.exit(1 if missed(figures) else 0)
