"""The order in which modules that need each other are told."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import permutations

import pytest

from nightwork.module_spec.source.arrangement import arrange, broken

Weights = dict[str, dict[str, int]]


def tangle(seed: int, size: int, needs: int) -> Weights:
    """Return modules of which each needs the next, so that all are in one cycle, and some others."""
    rng = random.Random(seed)
    found: Weights = {f"m{n}": {f"m{(n + 1) % size}": rng.choice((2, 3, 6, 12))} for n in range(size)}
    for name, weights in found.items():
        weights |= {other: rng.choice((2, 3, 6, 12)) for other in rng.sample(sorted(found.keys() - {name}), needs)}
    return found


def lost(order: list[str], weights: Mapping[str, Mapping[str, int]]) -> int:
    return sum(weights[name][need] for name, need in broken(order, weights))


@pytest.mark.parametrize("seed", range(10))
def test_a_small_cycle_loses_little_more_than_the_best_order_does(seed: int) -> None:
    weights = tangle(seed, 6, 2)
    order, cycles = arrange(weights)
    assert cycles == [sorted(weights)]
    assert sorted(order) == sorted(weights)
    assert lost(order, weights) <= 1.5 * min(lost(list(each), weights) for each in permutations(weights))


def test_a_cycle_of_thousands_is_arranged_with_a_third_of_its_weight_lost_at_most() -> None:
    weights = tangle(1, 2_000, 7)
    order, _ = arrange(weights)
    total = sum(sum(needs.values()) for needs in weights.values())
    assert lost(order, weights) < 0.35 * total
