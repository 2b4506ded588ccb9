"""What the sandbox adds to a command: `true`, confined and not, in turn and in a worktree of a repository."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from bench import repositories
from bench.figures import Figure, main
from nightwork.sandbox import Confinement, Run, Sandbox, limits_held_by, open_sandbox, why_unconfined
from nightwork.workspace import Repository

TIMES = 100
BAR_MS = 30.0
TITLE = f"Sandbox: one command, {TIMES} times in turn with and without"


def measure() -> list[Figure]:
    """Return the medians of both, their difference, and the slow end of the confined."""
    if reason := why_unconfined(Confinement()):
        raise SystemExit(f"nothing to measure: {reason}")
    with repositories.repository() as root:
        worktree = root / ".nightwork" / "worktrees" / "bench" / "agent"
        Repository(root).add_worktree(worktree, "HEAD")
        confined = open_sandbox(root / ".nightwork")
        unconfined = open_sandbox(root / ".nightwork", confinement=Confinement(confine=False))
        pairs = [(_ms(confined, worktree), _ms(unconfined, worktree)) for _ in range(TIMES)]
    inside, outside = (sorted(side) for side in zip(*pairs, strict=True))
    return [
        Figure(
            "the sandbox adds, per command",
            statistics.median(inside) - statistics.median(outside),
            "ms",
            BAR_MS,
            limits_held_by(),
        ),
        Figure("confined, median", statistics.median(inside), "ms"),
        Figure("confined, 95th percentile", inside[int(TIMES * 0.95)], "ms"),
        Figure("peer: unconfined, median", statistics.median(outside), "ms"),
    ]


def _ms(sandbox: Sandbox, folder: Path) -> float:
    started = time.perf_counter()
    finished = sandbox.run(Run(("true",), folder))
    if finished.exit_code != 0:
        raise SystemExit(f"`true` failed: {finished.tail()}")
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main(TITLE, measure)
