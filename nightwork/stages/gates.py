"""Stage 3: judge each change in a clean checkout, compared with the commit that it stands on. No agent runs here."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nightwork import engine, environment, records, stop
from nightwork.batch import Attempt, Batch, TicketRef, newest_with
from nightwork.checkpoint import BatchState
from nightwork.engine import Future
from nightwork.files import make_ignored
from nightwork.gate_settings import Measure
from nightwork.gates import compare, run_gate, vetoes_of
from nightwork.gates.covered import with_coverage
from nightwork.gates.flags import path_flags
from nightwork.gates.judgement import Flag, GateResult, GateStatus, Judgement, Scores
from nightwork.gates.report import GateRun
from nightwork.gates.tricks import find_tricks, told
from nightwork.manifest import BatchStatus
from nightwork.markdown import escape, table
from nightwork.outcome import Outcome, Status, Verdict
from nightwork.progress import create_reporter
from nightwork.sandbox import is_confined, open_sandbox
from nightwork.score import complexity_score, docs_score, security_score, syntax_score, tests_score, total
from nightwork.score.source import added_complexity, undocumented_names
from nightwork.settings import Settings
from nightwork.stages.checkout import Checkout
from nightwork.stages.difference import Difference
from nightwork.workspace import Repository

# Runs one gate in the ticket's checkout: (ticket, gate, tree, round), all plain, so that it can be a task of its own.
GateStep = Callable[[TicketRef, str, str, int], GateRun]

_baseline_lock = threading.Lock()


class Measurement(BaseModel):
    """What all gates found on one tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[GateRun, ...]


def gate(ref: TicketRef, name: str, tree: str, number: int) -> GateRun:  # noqa: ARG001  tree and number are the key
    """Run one gate in the ticket's checkout."""
    return gate_in(ref.batch, ref.batch.checkout(ref.ticket), name)


def gate_in(batch: Batch, path: Path, name: str) -> GateRun:
    """Run one gate of a batch in the checkout at `path`."""
    settings = next(gate for gate in batch.settings().gates if gate.name == name)
    return run_gate(settings, path, batch.sandbox())


def gate_key(ref: TicketRef, name: str, tree: str, number: int) -> str:
    """Return the key under which the result of a gate may be used again."""
    return result_key(ref.batch, ref.run_id, ref.ticket, name, tree, str(number))


def result_key(batch: Batch, *parts: str) -> str:
    """Return the key of a result that `parts`, the gates' settings, the environment and the base shape."""
    shaped_by = digest(Repository(batch.repository), batch.settings(), batch.manifest().base)
    return hashlib.sha256("\0".join([*parts, shaped_by]).encode()).hexdigest()


def run_gates(batch: Batch, submit: Callable[[TicketRef], Future]) -> BatchState:
    """Judge every change that has no verdict yet; the checkpoint is saved after each."""
    batch.sandbox()  # once, rather than each ticket failing alone
    try_again(batch)
    state, manifest = batch.state(), batch.manifest()
    landed = {name: outcome for name, outcome in state.items.items() if outcome.is_unjudged()}
    items = [replace(i, dependencies=tuple(n for n in i.dependencies if n in landed)) for i in manifest.items()]
    reporter = create_reporter(len(landed))

    def record(name: str, outcome: Outcome) -> None:
        if outcome.status is Status.RUNNING:
            reporter.start(name)
            return
        judged = outcome.status is Status.COMPLETED
        message = state.items[name].message if judged else f"not judged: {outcome.message}"
        state.items[name] = state.items[name].with_(verdict=outcome.verdict, message=message)
        batch.save(state)
        reporter.complete(name, outcome)

    with stop.on_signals():
        engine.run(
            [item for item in items if item.id in landed],
            {},
            lambda name: submit(batch.ref(state, name)),
            parallel=min(batch.settings().batch.parallel_agents, os.cpu_count() or 1),
            record=record,
        )
    reporter.finish()
    through = all(outcome.is_through() for outcome in state.items.values())
    batch.tell_manifest(state, BatchStatus.COMPLETED if through else BatchStatus.ABORTED)
    return state


def judge_ticket(ref: TicketRef, gate_step: GateStep = gate) -> Outcome:
    """Judge what an attempt landed and write the judgement down; returns it as a verdict."""
    change = ref.change
    if change is None:
        raise ValueError(f"{ref.ticket} has no change to judge")
    judged = judge(ref, change.commit, change.origin, gate_step)
    blocker = _vetoed_dependency(ref, change.stacked_on)
    if blocker and judged.verdict is not Verdict.VETOED:
        judged = judged.model_copy(update={"verdict": Verdict.BLOCKED_BY, "blocked_by": blocker})
    records.save(judged, ref.folder / "judgement.json")
    message = judged.vetoes[0] if judged.vetoes else ""
    return Outcome(status=Status.COMPLETED, verdict=judged.verdict, attempt=ref.attempt, message=message)


def objections(ref: TicketRef) -> list[str]:
    """Return what the gates veto in the work as it stands in the agent's worktree; [] when nothing."""
    if not ref.batch.settings().gates:
        return []
    repository = Repository(Path(ref.repository))
    attempt = records.load(Attempt, ref.folder / "attempt.json")
    assert attempt is not None
    tree = repository.snapshot(ref.worktree)
    if tree == repository.tree(attempt.parent):
        return ["nothing has been changed yet"]
    commit = repository.keep_wip(ref.ticket, tree, attempt.parent, attempt.opened_at)
    return list(judge(ref, commit, attempt.origin, gate).vetoes)


def judge(ref: TicketRef, commit: str, origin: str, gate_step: GateStep) -> Judgement:
    """Run all gates on a commit and compare them with those on the commit that its branch stands on."""
    settings, repository = ref.batch.settings(), Repository(Path(ref.repository))
    before = baseline(ref.batch, origin)
    diff, tree = Difference(repository, origin, commit), repository.tree(commit)
    place = ref.batch.checkout(ref.ticket)
    results = compare_all(ref.batch, place, before, diff, lambda name, number: gate_step(ref, name, tree, number))
    vetoes = vetoes_of(results)
    remarks = find_tricks(diff.edits, settings.gates, diff.copies(), diff.paths())
    flags = (*_flags(results, path_flags(diff.files, settings.gate_config)), *(remark.flag for remark in remarks))
    return Judgement(
        ticket=ref.ticket,
        attempt=ref.attempt,
        commit=commit,
        verdict=_verdict(results, vetoes),
        vetoes=vetoes,
        gates=tuple(results),
        flags=tuple(dict.fromkeys(flags)),
        remarks=told(remarks),
        scores=_scores(results, diff),
        sandbox=ref.batch.sandbox().name,
    )


def compare_all(
    batch: Batch, path: Path, before: Sequence[GateRun], diff: Difference, step: Callable[[str, int], GateRun]
) -> list[GateResult]:
    """Run the gates of a baseline in a checkout at `path`, by `step` (gate, round); returns what the change brings."""
    settings = batch.settings()
    gates = {gate.name: gate for gate in settings.gates}
    results: dict[int, GateResult] = {}
    with Checkout(Repository(batch.repository), path, diff.commit, batch.manifest().base, settings) as place:
        for number in place.order([run.measures for run in before]):
            place.ready_for(before[number].measures)

            def rerun(earlier: GateRun = before[number]) -> GateRun:
                place.ready_for(earlier.measures)
                return step(earlier.gate, 2)

            after = step(before[number].gate, 1)
            told = compare(before[number], after, diff.line_before, diff.line_after, diff.old_path, rerun)
            results[number] = with_coverage(told, after, gates[after.gate], diff.edits)
    return [results[number] for number in range(len(before))]


def baseline(batch: Batch, commit: str) -> tuple[GateRun, ...]:
    """Return what the gates find on the commit that a change stands on; measured once for each tree."""
    repository, settings = Repository(batch.repository), batch.settings()
    base = batch.manifest().base
    name = f"{repository.tree(commit)}-{digest(repository, settings, base)[:16]}.json"
    path, for_this_run = batch.state_folder / "measurements" / name, _problems(batch) / name
    with _baseline_lock:
        known = records.load(Measurement, path) or records.load(Measurement, for_this_run)
        if known is None:
            known = Measurement(runs=measure(repository, settings, commit, base))
            could_not_run = any(run.problem for run in known.runs)
            records.save(known, for_this_run if could_not_run else path)
    return known.runs


def _problems(batch: Batch) -> Path:
    """Where it is kept, for one run, what could not run: a gate that hangs must not hang once for each ticket."""
    return batch.folder / "problems"


def try_again(batch: Batch) -> None:
    """Let what could not run on a base be measured anew."""
    shutil.rmtree(_problems(batch), ignore_errors=True)


def measure(repository: Repository, settings: Settings, commit: str, base: str | None = None) -> tuple[GateRun, ...]:
    """Run all gates on a commit, with the gate configuration of `base` (by default the commit's own)."""
    path = repository.root / ".nightwork" / "worktrees" / f".base-{commit[:12]}" / "gates"
    make_ignored(repository.root / ".nightwork")
    prepared = environment.prepare(repository, settings.environment, base or commit, settings.sandbox)
    sandbox = open_sandbox(repository.root / ".nightwork", prepared, settings.sandbox)
    runs: dict[int, GateRun] = {}
    with Checkout(repository, path, commit, base or commit, settings) as place:
        for number in place.order([gate.measures for gate in settings.gates]):
            place.ready_for(settings.gates[number].measures)
            run = run_gate(settings.gates[number], path, sandbox)
            runs[number] = run.model_copy(update={"coverage": None})  # only that of changed lines is looked at
    return tuple(runs[number] for number in range(len(runs)))


def red_on_base(runs: Sequence[GateRun]) -> tuple[str, ...]:
    """Say what the gates complain of before any agent has worked."""
    texts = []
    for run in runs:
        count = len(run.report.findings)
        failing = [test.id for test in run.report.tests if test.status == "failed"]
        if run.problem:
            texts.append(f"{run.gate} could not run: {run.problem}")
        elif failing:
            texts.append(f"{run.gate}: {len(failing)} failing: {', '.join(failing[:3])}")
        elif run.report.findings:
            texts.append(f"{run.gate}: {count} finding{'s' * (count != 1)}, which count for no ticket")
        elif run.exit_code:
            texts.append(f"{run.gate} exited {run.exit_code}")
        if run.coverage_problem:
            texts.append(f"{run.gate}: coverage not known: {run.coverage_problem}")
    return tuple(texts)


def results(ref: TicketRef) -> str:
    """Return what the gates say of an attempt, as Markdown."""
    judged = ref.batch.judgement(ref.ticket, ref.attempt)
    if judged is None:
        return f"# {escape(ref.ticket)}\n\nNot judged."
    total = "n/a" if judged.scores.total is None else f"{judged.scores.total:g}"
    rows = [(g.gate, g.measures, g.status, g.detail, f"{g.duration_s:.1f} s") for g in judged.gates]
    found = [(g.gate, f.severity, f"{f.path}:{f.line}", f.rule, f.message) for g in judged.gates for f in g.findings]
    parts = [
        f"# {escape(ref.ticket)}: {escape(judged.verdict)}, score {total}",
        f"Commit `{judged.commit[:12]}`, attempt {judged.attempt}, gates ran {escape(judged.sandbox)}.",
        *(f"Veto: {escape(veto)}" for veto in judged.vetoes),
        *(f"Flag: {escape(flag)}" for flag in judged.flags),
        *(f"Remark: {escape(remark)}" for remark in judged.remarks),
        table(("gate", "measures", "status", "detail", "took"), rows),
        *(f"Not covered: {escape(place)}" for gate in judged.gates for place in gate.uncovered),
        *([table(("gate", "severity", "where", "rule", "finding"), found)] if found else []),
    ]
    return "\n\n".join(parts)


def digest(repository: Repository, settings: Settings, base: str) -> str:
    """Return a digest of what shapes the gates' results; gate configuration and environment are those of `base`."""
    parts = [
        base,
        environment.digest(repository, settings.environment, base, settings.sandbox),
        *([] if is_confined(settings.sandbox) else ["unconfined"]),
        *settings.sandbox.visible,
        *(gate.model_dump_json() for gate in settings.gates),
        *settings.gate_config,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _verdict(results: Sequence[GateResult], vetoes: Sequence[str]) -> Verdict:
    if vetoes:
        return Verdict.VETOED
    if not results or any(result.status is GateStatus.NOT_RUN for result in results):
        return Verdict.NOT_RUN
    return Verdict.PASSED


def _vetoed_dependency(ref: TicketRef, stacked_on: Sequence[str]) -> str | None:
    """Return what the branch stands on and is vetoed, in this batch or in the newest that holds it."""
    for name in stacked_on:
        batch = newest_with(Path(ref.repository), name) or ref.batch
        outcome = batch.state().items.get(name)
        judged = batch.judgement(name, outcome.attempt) if outcome else None
        if judged and judged.verdict in {Verdict.VETOED, Verdict.BLOCKED_BY}:
            return name
    return None


def _flags(results: Sequence[GateResult], of_paths: Sequence[Flag]) -> tuple[Flag, ...]:
    security = any(result.findings for result in results if result.measures is Measure.SECURITY)
    flaky = any(result.flaky_tests for result in results)
    lost = any(result.lost_tests for result in results)
    return (
        *((Flag.SECURITY_FINDING,) if security else ()),
        *((Flag.TESTS_LOST,) if lost else ()),
        *of_paths,
        *((Flag.FLAKY_TEST,) if flaky else ()),
    )


def _scores(results: Sequence[GateResult], diff: Difference) -> Scores:
    by_measure = {measure: [r for r in results if r.measures is measure] for measure in Measure}
    syntax = [result.status for result in by_measure[Measure.SYNTAX]]
    tests = by_measure[Measure.TESTS]
    findings = [finding for result in by_measure[Measure.SECURITY] for finding in result.findings]
    severities = {str(severity): 0 for severity in ("critical", "high", "medium", "low")}
    for finding in findings:
        severities[finding.severity] += 1
    ran = any(result.status is not GateStatus.NOT_RUN for result in by_measure[Measure.SECURITY])
    return total(
        syntax=syntax_score(None if not syntax else _all_passed(syntax)),
        tests=tests_score(sum(r.tests_passed for r in tests), sum(r.tests_total for r in tests)) if tests else None,
        security=security_score(severities) if ran else None,
        complexity=complexity_score(_added_complexity(diff)),
        docs=docs_score(_documented(diff)),
    )


def _all_passed(statuses: Sequence[GateStatus]) -> bool | None:
    if GateStatus.FAILED in statuses:
        return False
    return None if GateStatus.NOT_RUN in statuses else True


def _added_complexity(diff: Difference) -> int | None:
    added = [added_complexity(edited.before, edited.after, edited.path) for edited in diff.edits]
    known = [value for value in added if value is not None]
    return sum(known) if known else None


def _documented(diff: Difference) -> bool | None:
    found = [undocumented_names(edited.before, edited.after, edited.path) for edited in diff.edits]
    known = [names for names in found if names is not None]
    return not any(known) if known else None
