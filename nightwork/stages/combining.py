"""Trees of several changes: merged one by one in memory, tested in a clean checkout, searched for who breaks them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nightwork.batch import Batch
from nightwork.change import Change
from nightwork.gate_settings import Measure
from nightwork.gates.judgement import GateResult, GateStatus
from nightwork.gates.report import GateRun
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
    rivals: Mapping[str, Collection[str]] = field(default_factory=dict)
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
        """Return what the tests say of a combined tree, compared with the base.

        Tests that could not run are run a second time: a machine that was busy must not make a culprit.
        """
        tree = self.repository.tree(built.commits[-1])
        if tree not in self.results:
            found = self._measure(built, tree, 0)
            could_not_run = any(result.status is GateStatus.FAILED and not result.failing_tests for result in found)
            self.results[tree] = self._measure(built, tree, 2) if could_not_run else found
        return self.results[tree]

    def _measure(self, built: Built, tree: str, rounds: int) -> list[GateResult]:
        commit, count = built.commits[-1], len(built.order)
        logger.info("together: running the tests of %d changes", count)
        ref = CombinedRef(str(self.batch.repository), self.batch.id, self.run_id, count)
        diff = Difference(self.repository, self.base, commit)

        def step(name: str, number: int) -> GateRun:
            self.gate_runs += 1
            return self.gate_step(ref, name, tree, rounds + number)

        return gates.compare_all(self.batch, self.batch.together_checkout, self._before, diff, step)

    def fails(self, built: Built) -> bool:
        """Say whether the tests of a combined tree fail, or some no longer run that each change alone lets run."""
        results = self.judge(built)
        return any(result.status is GateStatus.FAILED for result in results) or bool(self.lost(results))

    def could_not_compare(self) -> bool:
        """Say whether tests could not run on the base, which may be otherwise the next time."""
        return any(run.problem for run in self._before)

    @cached_property
    def _before(self) -> list[GateRun]:
        return [run for run in gates.baseline(self.batch, self.base) if run.measures is Measure.TESTS]

    def lost(self, results: Sequence[GateResult]) -> tuple[str, ...]:
        """Return the tests that the combined tree no longer runs, though no change alone has lost them."""
        return tuple(test for result in results for test in result.lost_tests if test not in self._lost_alone)

    @cached_property
    def _lost_alone(self) -> frozenset[str]:
        judged = [self.batch.judgement(name, change.attempt) for name, change in self.changes.items()]
        return frozenset(test for each in judged if each for result in each.gates for test in result.lost_tests)


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
        culprit = _culprit(search, built.order[failing - 1], search.judge(built.first(failing)))
        culprits.append(culprit)
        passing = failing - 1
        built = _without(search, built, passing, culprit.ticket)
    return _found(search, built, culprits)


def _first_failing(search: Search, built: Built, passing: int) -> int:
    return first_failing(passing, len(built.order), lambda count: not search.fails(built.first(count)))


def _without(search: Search, built: Built, passing: int, culprit: str) -> Built:
    """Build anew what followed a culprit, and what only the culprit, or what stood on it, kept out."""
    kept = search.extend(built.first(passing), built.order[passing + 1 :])
    rivals = {each.ticket: set(search.rivals.get(each.ticket, ())) for each in built.left_out}
    freed = [name for name, others in rivals.items() if culprit in others and not others & set(kept.order)]
    left_out = tuple(each for each in kept.left_out if each.ticket not in freed)
    return search.extend(Built(kept.commits, kept.order, left_out), freed)


def _culprit(search: Search, ticket: str, results: Sequence[GateResult]) -> Culprit:
    failed = [result for result in results if result.status is GateStatus.FAILED]
    lost = search.lost(results)
    tests = [*(test for result in failed for test in result.failing_tests), *lost]
    told = [f"{result.gate}: {result.detail}" for result in failed] + ([f"{len(lost)} no longer run"] if lost else [])
    return Culprit(ticket=ticket, tests=tuple(tests[:MAX_TESTS]), detail="; ".join(told))


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
