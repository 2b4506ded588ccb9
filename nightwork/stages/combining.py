"""Trees of several changes: merged one by one in memory, tested in a clean checkout, searched for who breaks them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nightwork.batch import Batch
from nightwork.change import Change
from nightwork.gates.judgement import GateResult, GateStatus
from nightwork.gates.report import GateRun
from nightwork.settings import Measure
from nightwork.stages import gates
from nightwork.stages.difference import Difference
from nightwork.together import Culprit, LeftOut, first_failing, place, some
from nightwork.workspace import Repository

MAX_CULPRITS = 5
MAX_SEARCH_S = 3600.0  # after it no further search for a culprit begins: the review waits for this stage
MAX_TESTS = 20  # failing tests that are told of a culprit

logger = logging.getLogger("nightwork.together")


@dataclass(frozen=True)
class CombinedRef:
    """Plain names of one combined tree, as its gates take them; `count` is how many changes it holds."""

    repository: str
    batch_id: str
    run_id: str
    count: int

    @property
    def batch(self) -> Batch:
        """The batch on disk."""
        return Batch(Path(self.repository), self.batch_id)


# Runs one gate in the checkout of a combined tree: (ref, gate, tree, round), all plain, as for a ticket's gates.
GateStep = Callable[[CombinedRef, str, str, int], GateRun]


def gate(ref: CombinedRef, name: str, tree: str, number: int) -> GateRun:  # noqa: ARG001  tree and number are the key
    """Run one gate in the checkout of a combined tree."""
    return gates.gate_in(ref.batch, ref.batch.together_checkout, name)


def gate_key(ref: CombinedRef, name: str, tree: str, number: int) -> str:
    """Return the key under which the result of a gate may be used again."""
    return gates.result_key(ref.batch, ref.run_id, ".together", name, tree, str(number))


@dataclass(frozen=True)
class Built:
    """Changes merged one by one: `commits[n]` holds the first n of `order`, `commits[0]` is the base."""

    commits: tuple[str, ...]
    order: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def first(self, count: int) -> Built:
        """Return what the first `count` of them came to."""
        return Built(self.commits[: count + 1], self.order[:count], self.left_out)


@dataclass(frozen=True)
class Found:
    """The changes that were left once the culprits were out, and what the tests say of them."""

    built: Built
    culprits: tuple[Culprit, ...]
    status: GateStatus
    detail: str = ""
    tests_passed: int = 0


@dataclass
class Search:
    """Builds combined trees of a batch's changes and runs the gates that measure tests on them, once a tree."""

    batch: Batch
    repository: Repository
    changes: Mapping[str, Change]
    gate_step: GateStep
    limit_s: float = MAX_SEARCH_S
    gate_runs: int = 0
    results: dict[str, list[GateResult]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.manifest, self.settings = self.batch.manifest(), self.batch.settings()
        self.base, self.run_id = self.manifest.base, self.batch.state().run_id
        self.ends_at = time.monotonic() + self.limit_s

    def extend(self, built: Built, names: Sequence[str]) -> Built:
        """Merge further changes, each into what is there; leaves out what does not merge, and what stands on it."""
        commits, order, left_out = list(built.commits), list(built.order), list(built.left_out)
        for name in names:
            merged = self._merged(name, commits[-1], order)
            if isinstance(merged, LeftOut):
                left_out.append(merged)
            else:
                commits.append(merged)
                order.append(name)
        return Built(tuple(commits), tuple(order), tuple(left_out))

    def _merged(self, name: str, ours: str, order: Sequence[str]) -> str | LeftOut:
        change = self.changes[name]
        if missing := [below for below in change.stacked_on if below not in order]:
            return LeftOut(ticket=name, reason=stands_on(missing))
        merge = self.repository.merge(ours, change.commit)
        if not merge.is_clean:
            reason = f"conflicts with the others together, though with none alone, in {place(merge.conflicts)}"
            return LeftOut(ticket=name, reason=reason)
        message = f"Merge {change.branch}\n"
        return self.repository.commit(merge.tree, [ours, change.commit], message, self.manifest.created_at)

    def judge(self, built: Built) -> list[GateResult]:
        """Return what the tests say of a combined tree, compared with the base."""
        tree = self.repository.tree(built.commits[-1])
        if tree not in self.results:
            self.results[tree] = self._judged_alone(built, tree) or self._measure(built, tree)
        return self.results[tree]

    def _judged_alone(self, built: Built, tree: str) -> list[GateResult]:
        """Return what the gates said when the tree is the one of a change that passed alone."""
        for name in built.order:
            judgement = self.batch.judgement(name, self.changes[name].attempt)
            if judgement and self.changes[name].tree == tree:
                return [result for result in judgement.gates if result.measures is Measure.TESTS]
        return []

    def _measure(self, built: Built, tree: str) -> list[GateResult]:
        commit, count = built.commits[-1], len(built.order)
        logger.info("together: running the tests of %d changes", count)
        ref = CombinedRef(str(self.batch.repository), self.batch.id, self.run_id, count)
        before = [run for run in gates.baseline(self.batch, self.base) if run.measures is Measure.TESTS]
        diff = Difference(self.repository, self.base, commit)

        def step(name: str, number: int) -> GateRun:
            self.gate_runs += 1
            return self.gate_step(ref, name, tree, number)

        return gates.compare_all(self.batch, self.batch.together_checkout, before, diff, step)

    def fails(self, built: Built) -> bool:
        """Say whether the tests of a combined tree fail."""
        return any(result.status is GateStatus.FAILED for result in self.judge(built))


def without_culprits(search: Search, built: Built) -> Found:
    """Take out, one after the other, the changes with which the tests fail; gives up after `MAX_CULPRITS`, or in time.

    A prefix of the order is known to pass at each time, so that a search asks for log2 of the rest at most.
    """
    culprits: list[Culprit] = []
    passing = 0
    while len(built.order) > passing and search.fails(built):
        if len(culprits) == MAX_CULPRITS or time.monotonic() >= search.ends_at:
            return _given_up(search, built, passing, culprits)
        failing = _first_failing(search, built, passing)
        culprits.append(_culprit(built.order[failing - 1], search.judge(built.first(failing))))
        passing = failing - 1
        built = search.extend(built.first(passing), built.order[failing:])
    return _found(search, built, culprits)


def _first_failing(search: Search, built: Built, passing: int) -> int:
    return first_failing(passing, len(built.order), lambda count: not search.fails(built.first(count)))


def _culprit(ticket: str, results: Sequence[GateResult]) -> Culprit:
    failed = [result for result in results if result.status is GateStatus.FAILED]
    tests = [test for result in failed for test in result.failing_tests]
    detail = "; ".join(f"{result.gate}: {result.detail}" for result in failed)
    return Culprit(ticket=ticket, tests=tuple(tests[:MAX_TESTS]), detail=detail)


def _given_up(search: Search, built: Built, passing: int, culprits: Sequence[Culprit]) -> Found:
    names, known = built.order[passing:], built.first(passing)
    rest = tuple(
        LeftOut(ticket=name, reason="not told: the search for who breaks the tests ended early") for name in names
    )
    found = _found(search, Built(known.commits, known.order, (*known.left_out, *rest)), culprits)
    detail = f"the search for who breaks the tests ended early: of {len(rest)} it is not told"
    return Found(found.built, found.culprits, GateStatus.FAILED, detail, found.tests_passed)


def _found(search: Search, built: Built, culprits: Sequence[Culprit]) -> Found:
    if not built.order:
        return Found(built, tuple(culprits), GateStatus.FAILED, "none is left")
    results = search.judge(built)
    idle = [f"{result.gate}: {result.detail}" for result in results if result.status is GateStatus.NOT_RUN]
    flaky = [test for result in results for test in result.flaky_tests]
    status = GateStatus.NOT_RUN if idle else GateStatus.PASSED
    detail = "; ".join([*idle, *([f"flaky: {some(flaky)}"] if flaky else [])])
    return Found(built, tuple(culprits), status, detail, sum(result.tests_passed for result in results))


def stands_on(missing: Sequence[str]) -> str:
    """Say why a change cannot be in without those that it stands on."""
    return f"stands on {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not in"
