"""How near the order of work comes to the shortest possible batch: the real engine and order on a simulated clock.

Durations are log-normal around 15 minutes. Their spread is that of the model calls per ticket of four models on
SWE-bench Verified: standard deviations of the logarithm from 0.44 to 0.51 (the `info_for_leaderboard.json` files
published by the SWE-bench leaderboard, 2025; run by mini-swe-agent).
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.figures import Figure, main
from nightwork import engine
from nightwork.order import Expectation, Item, with_ranks
from nightwork.outcome import Outcome, Status
from nightwork.ticket import Complexity, Priority

TITLE = "Scheduling: makespan over max(longest chain, total / 8); 200 graphs of 100 tickets, simulated"
GRAPHS, TICKETS, PARALLEL = 200, 100, 8
MEDIAN_MINUTES, SPREAD = 15.0, 0.5
MEAN_BAR, P95_BAR = 1.02, 1.05

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DONE = Outcome(status=Status.COMPLETED)


@dataclass(frozen=True)
class Night:
    """The tickets of one simulated batch: dependencies and true minutes by id."""

    dependencies: Mapping[str, tuple[str, ...]]
    minutes: Mapping[str, float]

    @classmethod
    def drawn(cls, seed: int) -> Night:
        """Draw a graph without cycles, 0 to 2 dependencies a ticket, whose ids say nothing of its order."""
        chance = random.Random(seed)
        names = [f"T-{number:03}" for number in range(TICKETS)]
        chance.shuffle(names)
        return cls(
            {name: tuple(chance.sample(names[:i], min(i, chance.randint(0, 2)))) for i, name in enumerate(names)},
            {name: chance.lognormvariate(math.log(MEDIAN_MINUTES), SPREAD) for name in names},
        )

    def bound(self) -> float:
        """Return the minutes below which no order of work can come."""
        chains: dict[str, float] = {}
        for name, befores in self.dependencies.items():
            chains[name] = self.minutes[name] + max((chains[before] for before in befores), default=0.0)
        return max(max(chains.values()), sum(self.minutes.values()) / PARALLEL)

    def items(self, ranks: Mapping[str, tuple[float, ...]] | None = None) -> list[Item]:
        """Return the tickets as the engine takes them."""
        return [Item(name, befores, (ranks or {}).get(name, ())) for name, befores in self.dependencies.items()]


class Simulation:
    """A clock, workers and an inbox in simulated time: when the engine waits, time passes to the next end."""

    def __init__(self, minutes: Mapping[str, float]) -> None:
        self.now = 0.0
        self._minutes = minutes
        self._ends: list[tuple[float, str]] = []

    def submit(self, name: str) -> _Done:
        """Start an item."""
        heapq.heappush(self._ends, (self.now + self._minutes[name], name))
        return _Done()

    def put(self, name: str, /) -> None:
        """Take nothing: ends are known from the start."""

    def get(self) -> str:
        """Let time pass until the next item ends."""
        self.now, name = heapq.heappop(self._ends)
        return name

    def clock(self) -> datetime:
        """Return the simulated time."""
        return _EPOCH + timedelta(minutes=self.now)


class _Done:
    def add_done_callback(self, function: object, /) -> None:
        pass

    def result(self) -> Outcome:
        return _DONE


def makespan(items: Sequence[Item], minutes: Mapping[str, float]) -> float:
    """Run a batch through `nightwork.engine.run` in simulated time; returns the minutes it takes."""
    world = Simulation(minutes)
    outcomes = engine.run(
        items, {}, world.submit, parallel=PARALLEL, record=lambda *_: None, clock=world.clock, inbox=world
    )
    assert all(outcome.status is Status.COMPLETED for outcome in outcomes.values())
    return world.now


Order = Callable[[Night, random.Random], list[Item]]


def as_planned(night: Night, _: random.Random) -> list[Item]:
    """Rank by the true minutes."""
    return with_ranks(night.items(), night.minutes)


def mixed_priorities(night: Night, chance: random.Random) -> list[Item]:
    """Rank by a random priority first."""
    ranks = {name: (float(chance.randrange(len(Priority))),) for name in night.minutes}
    return with_ranks(night.items(ranks), night.minutes)


def wrong_by_two(night: Night, chance: random.Random) -> list[Item]:
    """Rank by minutes that are wrong by a factor between a half and two."""
    return with_ranks(night.items(), {name: m * 2 ** chance.uniform(-1, 1) for name, m in night.minutes.items()})


def by_class(night: Night, _: random.Random) -> list[Item]:
    """Rank by the expected minutes of the complexity whose expectation is nearest, as in production."""
    return with_ranks(night.items(), {name: _nearest_expectation(m) for name, m in night.minutes.items()})


def _nearest_expectation(minutes: float) -> float:
    return min(map(Expectation().minutes, Complexity), key=lambda expected: abs(math.log(expected / minutes)))


def by_id(night: Night, _: random.Random) -> list[Item]:
    """Take what is ready by id alone."""
    return night.items()


def by_dependents(night: Night, _: random.Random) -> list[Item]:
    """Rank by the number of dependents in the longest chain."""
    return with_ranks(night.items(), dict.fromkeys(night.minutes, 1.0))


def ratios(order: Order, graphs: int = GRAPHS) -> list[float]:
    """Return makespan over bound for each graph, smallest first."""
    nights = [(Night.drawn(seed), random.Random(f"order {seed}")) for seed in range(graphs)]
    return sorted(makespan(order(night, chance), night.minutes) / night.bound() for night, chance in nights)


def measure() -> list[Figure]:
    """Return mean, 95th percentile and worst ratio of each order."""
    figures = []
    for name, order in _ORDERS.items():
        found = ratios(order)
        bars = (MEAN_BAR, P95_BAR) if order is as_planned else (None, None)
        p95 = found[math.ceil(0.95 * len(found)) - 1]
        figures += [
            Figure(f"{name}: mean", statistics.mean(found), bar=bars[0]),
            Figure(f"{name}: p95", p95, bar=bars[1], note=f"worst {found[-1]:.3f}"),
        ]
    return figures


_ORDERS = {
    "nightwork": as_planned,
    "nightwork, mixed priorities": mixed_priorities,
    "nightwork, expected minutes wrong by up to 2": wrong_by_two,
    "nightwork, minutes known by complexity only": by_class,
    "peer: by id": by_id,
    "peer: by dependents in the longest chain": by_dependents,
}

if __name__ == "__main__":
    main(TITLE, measure)
