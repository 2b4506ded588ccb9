"""What saving the checkpoint costs a batch of 1,500 items: real `run_tickets`, on plain threads, every flush included.

An item only sleeps. An agent's ticket takes minutes and the shortest call of a model about a second, so items of one
second are the hardest real case; those of a tenth are there to see where it ends.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench import repositories
from bench.figures import Figure, main
from nightwork.batch import Batch
from nightwork.checkpoint import BatchState
from nightwork.outcome import Outcome, Status
from nightwork.stages.generation import run_tickets

ITEMS, PARALLEL = 1_500, 8
SHORT_S, REAL_S = 0.1, 1.0
REAL_ITEMS = 160  # the last of the 1,500, in 20 s
BAR_PERCENT = 2.0
TITLE = f"Checkpoint: saving after each of {ITEMS:,} items, {PARALLEL} at a time, as share of the run"


@dataclass(frozen=True)
class TimedBatch(Batch):
    """A batch that notes how long each save takes, in seconds."""

    saves: list[float] = field(default_factory=list)

    def save(self, state: BatchState) -> None:
        """Save and take the time."""
        started = time.perf_counter()
        super().save(state)
        self.saves.append(time.perf_counter() - started)


@dataclass(frozen=True)
class Cost:
    """What one run spent on saving; `wall_s` is all of it."""

    saves: list[float]
    wall_s: float
    file_bytes: int

    def percent(self) -> float:
        """Return the share of the run."""
        return 100 * sum(self.saves) / self.wall_s

    def save_ms(self) -> float:
        """Return the mean time of a save."""
        return 1000 * sum(self.saves) / len(self.saves)


def cost(item_s: float, items: int) -> Cost:
    """Run the last `items` of the batch, each taking `item_s`."""
    with repositories.repository(agent={"model": "none"}, batch={"parallel_agents": PARALLEL}) as root:
        made = repositories.batch(root, repositories.tickets(ITEMS), settled=ITEMS - items)
        batch = TimedBatch(made.repository, made.id)
        started = time.perf_counter()
        with ThreadPoolExecutor(PARALLEL) as pool:
            run_tickets(batch, lambda _: _item(pool, item_s))
        return Cost(batch.saves, time.perf_counter() - started, _size(batch.folder / "checkpoint.json"))


def _item(pool: ThreadPoolExecutor, item_s: float) -> Future[Outcome]:
    def work() -> Outcome:
        time.sleep(item_s)
        return Outcome(status=Status.COMPLETED)

    return pool.submit(work)


def _size(path: Path) -> int:
    return path.stat().st_size


def measure() -> list[Figure]:
    """Return the share of saving in a run of short and of real items, and what one save is."""
    short, real = cost(SHORT_S, ITEMS), cost(REAL_S, REAL_ITEMS)
    break_even_s = short.save_ms() / 1000 * PARALLEL / (BAR_PERCENT / 100)
    ran = f"the last {REAL_ITEMS} of {ITEMS:,}, in {real.wall_s:.1f} s"
    return [
        Figure(f"items of {REAL_S:g} s: share", real.percent(), "%", BAR_PERCENT, ran),
        Figure(f"items of {SHORT_S:g} s: share", short.percent(), "%", note=f"all {ITEMS:,}, in {short.wall_s:.1f} s"),
        Figure("one save", short.save_ms(), "ms", note=f"{short.file_bytes / 1000:,.0f} kB, flushed"),
        Figure("written by saves", short.file_bytes * len(short.saves) / 1e6, "MB"),
        Figure(f"shortest item that stays within {BAR_PERCENT:g} %", break_even_s, "s"),
        Figure("run beyond its items", 100 * (short.wall_s / (ITEMS * SHORT_S / PARALLEL) - 1), "%", note="all of it"),
    ]


if __name__ == "__main__":
    main(TITLE, measure)
