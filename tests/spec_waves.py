"""Runs units through waves with all real parts: engine, ledger, breaker, journal, client; answers come over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from simulated import Simulated

from nightwork import engine
from nightwork.breaker import Breaker
from nightwork.ledger import Ledger, Limits
from nightwork.llm.batches import MessageBatches
from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.journal import reserved_numbers
from nightwork.llm.metered import Account, Metered, Patience
from nightwork.llm.prices import price_of
from nightwork.llm.sending import Sendings
from nightwork.llm.underway import Pace
from nightwork.module_spec.asking.context import Context
from nightwork.module_spec.asking.generate import Generated, Prompt
from nightwork.module_spec.asking.names import Known
from nightwork.module_spec.asking.waves import Waves
from nightwork.order import Item
from nightwork.outcome import Outcome, Reason, Status

MODEL = "claude-opus-5-5"
NO_LIMITS = Limits()
PACE = Pace(smallest=3, first_poll_s=0.001, longest_poll_s=0.002)


def prompt(unit: str, source: str = "") -> Prompt:
    text = f"the unit <{unit}> {source}"
    return Prompt(unit, f"key of {unit}", Context(text, "", False, 10), Known(frozenset(), f"total {source}"))


class Night:
    """One run over some units in a folder; a spec is a file, and what has one is not run again."""

    def __init__(
        self,
        folder: Path,
        url: str,
        key: str,
        limits: Limits = NO_LIMITS,
        pace: Pace = PACE,
        max_retries: int = 3,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], object] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.ledger = Ledger(folder / "ledger.sqlite")
        time = Simulated()
        breaker = Breaker(folder / "providers.sqlite", "anthropic", time, rng=lambda: 0.0)
        account = Account(
            self.ledger, "specs", limits, lambda _: breaker, Patience(since=time.now()), max_retries=max_retries
        )
        model = ClaudeModel(MODEL, Credentials(api_key=SecretStr(key), base_url=url), price_of(MODEL, {}))
        self.metered = Metered(model, "anthropic", account)
        self.journal = folder / "batches"
        self.sendings = Sendings(self.journal, MessageBatches(model), self.metered, account)
        self.pace, self.clock, self.wait = pace, clock, wait
        self.answers: dict[str, Generated] = {}

    def run(
        self, units: Mapping[str, Iterable[str]], sources: Mapping[str, str] | None = None, with_batches: bool = True
    ) -> dict[str, Outcome]:
        """Run units, given with what they need, to their end."""
        self.ledger.close_leftovers(reserved_numbers(self.journal, self.ledger))
        sendings = self.sendings if with_batches else None
        with Waves(self.metered, sendings, self.pace, self.clock, self.wait) as waves:
            outcomes = engine.run(
                [Item(unit, dependencies=tuple(needs)) for unit, needs in units.items()],
                self.known(units),
                lambda unit: waves.submit(unit, prompt(unit, (sources or {}).get(unit, "")), self.finish(unit)),
                parallel=sys.maxsize,
                record=lambda *_: None,
                inbox=waves,
            )
            waves.settle_rest()
        return outcomes

    def known(self, units: Iterable[str]) -> dict[str, Outcome]:
        return {unit: Outcome(status=Status.COMPLETED) for unit in units if self.spec(unit).exists()}

    def spec(self, unit: str) -> Path:
        return self.folder / f"{unit}.spec.md"

    def finish(self, unit: str) -> Callable[[Generated], Outcome]:
        def write(generated: Generated) -> Outcome:
            self.answers[unit] = generated
            text = generated.answer.intent if generated.answer else f"degraded: {generated.reason}"
            self.spec(unit).write_text(text, encoding="utf-8")
            reason = None if generated.answer else Reason.AST_ONLY
            return Outcome(status=Status.COMPLETED, reason=reason)

        return write

    def open_reservations(self) -> int:
        """Count the reservations that nobody has settled."""
        return len(self.ledger.reserved_since("specs", "spec", 0))


def units(count: int, prefix: str = "u") -> dict[str, tuple[str, ...]]:
    """Return units of which the second half needs the first."""
    names = [f"{prefix}{number}" for number in range(count)]
    return {name: (names[0],) if number >= count // 2 else () for number, name in enumerate(names)}
