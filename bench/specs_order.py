"""What a model gets to see: specs of dependencies that are there when they are needed, and how much all of it is.

Every spec is written, by a model that answers at once and says as much of each name as it is asked to. A token is three
bytes on both sides.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence

from bench import packages
from bench.answering import SETTINGS, Answering, tell
from bench.figures import Figure, main
from nightwork.llm.estimate import estimated_tokens, tokens_of
from nightwork.module_spec.asking.context import Caps
from nightwork.module_spec.asking.generate import overhead_text
from nightwork.module_spec.source.project import Project
from nightwork.module_spec.source.scan import scan

LATE_BAR_PERCENT, INPUT_BAR = 6.0, 1.4
ORDERS = 20
_MARKS = 100  # tokens of the marks around the two blocks
TITLE = "Module specs: the order, and what a model gets to see; one spec a file"


def late_percent(project: Project, order: Sequence[str]) -> float:
    """Return the share of what modules need that comes after them."""
    place = {name: number for number, name in enumerate(order)}
    late = [place[edge.target] > place[name] for name, edges in project.needs.items() for edge in edges]
    return 100 * sum(late) / len(late)


def ordered(name: str, project: Project) -> list[Figure]:
    """Return the figures of the order, beside others."""
    chance = random.Random("order")
    at_random = [late_percent(project, chance.sample(project.order, len(project.order))) for _ in range(ORDERS)]
    largest = max(map(len, project.cycles), default=0)
    in_cycles = 100 * sum(map(len, project.cycles)) / len(project.order)
    late = late_percent(project, project.order)
    return [
        Figure(
            f"{name}: specs that come later than they are needed",
            late,
            "%",
            LATE_BAR_PERCENT,
            f"{in_cycles:.0f} % of {len(project.order):,} modules in cycles, largest {largest}",
        ),
        Figure(f"{name}: ... in the order of the paths", late_percent(project, sorted(project.order)), "%"),
        Figure(f"{name}: ... in random order", statistics.mean(at_random), "%", note=f"mean of {ORDERS}"),
    ]


def seen(name: str, project: Project) -> list[Figure]:
    """Return the figures of what a model is sent."""
    model = Answering.of(project)
    tell(project, model)
    source = sum(tokens_of(project.skeletons[path].size) for unit in project.units.values() for path in unit.files)
    caps, beside = Caps(source_tokens=SETTINGS.max_source_tokens), estimated_tokens(overhead_text())
    cap = caps.source_tokens * (1 + caps.share) + beside + _MARKS
    largest = max(model.tokens, key=lambda unit: model.tokens[unit])
    return [
        Figure(
            f"{name}: input tokens over those of the source",
            sum(model.tokens.values()) / source,
            "",
            INPUT_BAR,
            f"{len(model.tokens):,} requests, {beside} tokens of each are the same",
        ),
        Figure(f"{name}: tokens of the source", source),
        Figure(f"{name}: tokens of the largest input", model.tokens[largest], "", cap, largest),
    ]


def measure() -> list[Figure]:
    """Return the figures of each package."""
    figures = []
    for name in packages.NAMES:
        with packages.project(name) as root:
            project = scan(root, SETTINGS)
            figures += ordered(name, project) + seen(name, project)
    return figures


if __name__ == "__main__":
    main(TITLE, measure)
