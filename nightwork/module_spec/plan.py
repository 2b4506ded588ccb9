"""What a run would write and cost, without asking anybody: `--dry-run`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nightwork.llm.estimate import estimated_tokens
from nightwork.llm.prices import price_of
from nightwork.markdown import one_line
from nightwork.module_spec.asking.generate import MAX_ANSWER_TOKENS, overhead_text
from nightwork.module_spec.dates import today
from nightwork.module_spec.document.written import checked_root
from nightwork.module_spec.job import Wish
from nightwork.module_spec.result import Told
from nightwork.module_spec.run import Run
from nightwork.module_spec.source.scan import scan
from nightwork.outcome import Reason
from nightwork.price import Tokens
from nightwork.settings import Settings, load
from nightwork.shown import Shown
from nightwork.spec_settings import NO_MODEL, SpecsOptions
from nightwork.webpage import summary, table

# What an answer comes to; one in ten is asked again, with all that was said before.
_ANSWER_TOKENS, _ASKED_AGAIN = 1_500, 0.1
_SHOWN = 20


class Planned(BaseModel):
    """One module that would be written; tokens are 0 without a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Told
    input_tokens: int = 0
    expected_usd: float = 0.0


class Plan(BaseModel, Shown):
    """What a run would do. `at_most_usd` is what it could cost if each answer were as long as it may be, twice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_modules: int
    model: str
    write: tuple[Planned, ...] = ()
    stale: tuple[Told, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    expected_usd: float | None = None
    at_most_usd: float | None = None

    def told(self) -> list[str]:
        """Return the plan in a few lines, without its modules."""
        head = f"{len(self.write)} of {self.total_modules} specs would be written by {one_line(self.model)}"
        told = [head if self.model != NO_MODEL else head.replace("by none", "from the syntax tree alone")]
        if self.stale:
            told.append(f"{len(self.stale)} are stale; --update writes them anew")
        if self.input_tokens:
            told.append(f"about {self.input_tokens:,} tokens in and {self.output_tokens:,} out")
        if self.input_tokens and self.expected_usd is not None and self.at_most_usd is not None:
            told.append(f"about ${self.expected_usd:.2f}, at most ${self.at_most_usd:.2f}")
        return told

    def html(self) -> str:
        """Return it for a notebook."""
        headers = ("module", "tokens in", "expected") if self.input_tokens else ("module",)
        rows = ((each.path, each.input_tokens, f"${each.expected_usd:.4f}") for each in self.write)
        return summary("specs", self.told(), table(headers, (row[: len(headers)] for row in rows), _SHOWN))

    def render(self) -> RenderableType:
        """Return it as people read it on a terminal."""
        table = Table(box=None, pad_edge=False, show_header=bool(self.input_tokens))
        table.add_column("module")
        table.add_column("tokens in", justify="right")
        for each in self.write[:_SHOWN]:
            table.add_row(Text(one_line(each.path)), f"{each.input_tokens:,}" if each.input_tokens else "")
        more = [f"and {len(self.write) - _SHOWN} more"] if len(self.write) > _SHOWN else []
        return Group(Text("\n".join(self.told())), *([table] if self.write else []), *map(Text, more))


def plan(root: Path, options: SpecsOptions) -> Plan:
    """Return what a run with these options would write; nothing is written and nobody is asked."""
    root = checked_root(root)
    settings = load(root, options.flags())
    run = Run(
        project=scan(root, settings.specs),
        settings=settings.specs,
        wish=Wish(options.update, options.force),
        today=today(),
    )
    jobs = [run.prepare(name) for name in run.project.order]
    write = [job for job in jobs if job.outcome is None]
    beside = estimated_tokens(overhead_text())
    tokens = {
        job.unit.path: beside + run.prompt(run.ref(job)).context.estimated_tokens if job.model != NO_MODEL else 0
        for job in write
    }
    asked = sum(map(bool, tokens.values()))
    return Plan(
        total_modules=len(jobs),
        model=settings.specs.model,
        write=tuple(_planned(path, count, settings) for path, count in tokens.items()),
        stale=tuple(job.unit.path for job in jobs if job.outcome and job.outcome.reason is Reason.STALE),
        input_tokens=int(sum(tokens.values()) * (1 + _ASKED_AGAIN)),
        output_tokens=int(asked * _ANSWER_TOKENS * (1 + _ASKED_AGAIN)),
        expected_usd=_usd(settings, sum(tokens.values()), asked * _ANSWER_TOKENS, 1 + _ASKED_AGAIN),
        at_most_usd=_usd(settings, sum(tokens.values()) + asked * MAX_ANSWER_TOKENS, asked * MAX_ANSWER_TOKENS, 2),
    )


def _planned(path: str, tokens: int, settings: Settings) -> Planned:
    expected = _usd(settings, tokens, _ANSWER_TOKENS if tokens else 0, 1) or 0.0
    return Planned(path=path, input_tokens=tokens, expected_usd=round(expected, 6))


def _usd(settings: Settings, into: int, out: int, times: float) -> float | None:
    """Return what so many tokens cost; None for a model that costs nothing."""
    name = settings.specs.model
    if name == NO_MODEL or name.startswith("scripted:"):
        return None
    cost = price_of(name, settings.prices, "specs.model").cost_usd(Tokens(input=into, output=out)) * times
    return cost / 2 if settings.specs.message_batches else cost
