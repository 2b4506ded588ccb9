"""Stage 2: the tickets of a batch, each started when it may be, with the checkpoint saved after each."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from nightwork import engine, stop
from nightwork.agent.trajectory import Trajectory
from nightwork.batch import Batch, TicketRef, check_disk, expectation
from nightwork.checkpoint import BatchState
from nightwork.engine import Future
from nightwork.llm.metered import ends_the_run
from nightwork.manifest import BatchStatus, Manifest
from nightwork.order import Expectation, Item
from nightwork.outcome import Outcome, Reason, Status
from nightwork.progress import create_reporter
from nightwork.settings import RunOptions, Settings
from nightwork.stages import account, gates, together
from nightwork.stages.earlier import answered, reopened


def run_tickets(
    batch: Batch,
    submit: Callable[[TicketRef], Future],
    on_end: Callable[[str, Outcome, Mapping[str, Outcome]], object] = lambda *_: None,
    options: RunOptions = RunOptions(),
) -> BatchState:
    """Work on every ticket that is not settled, or on the answered ones alone; the checkpoint is saved after each.

    `on_end` is told of each ticket that ends, started or not, and of all tickets as they are then.
    """
    manifest, settings, expected = batch.manifest(), batch.settings(), expectation(batch.repository)
    minutes = _minutes(manifest, settings, expected)
    check_disk(batch.repository, settings)
    gates.try_again(batch)
    batch.sandbox()  # once, rather than each ticket failing alone
    ledger, given_up = account.ledger_of(batch), list[Outcome]()
    among = answered(batch) if options.answered_only else None
    state = reopened(batch, options.retry_failed, among)
    batch.save(state)
    batch.tell_manifest(state, BatchStatus.RUNNING)
    reporter = create_reporter(len(state.items), sum(outcome.is_settled() for outcome in state.items.values()))

    def record(name: str, outcome: Outcome) -> None:
        if outcome.status is Status.RUNNING:
            reporter.start(name)
            return
        known = state.items[name].cost_usd
        spent = {"cost_usd": account.spent_usd(ledger, batch, name, known), "waited_s": _waited_s(batch, name, outcome)}
        state.items[name] = outcome.with_(**spent)
        given_up.extend([outcome] if ends_the_run(outcome) else [])
        batch.save(state)
        reporter.complete(name, outcome)
        on_end(name, outcome, state.items)

    with stop.on_signals(), account.running(batch):
        engine.run(
            _among(manifest.items(expected), among),
            state.items,
            lambda name: submit(batch.ref(state, name)),
            parallel=settings.batch.parallel_agents,
            record=record,
            admit=lambda name: given_up[0] if given_up else _refusal(state, settings, minutes[name]),
        )
    reporter.finish()
    aborted = any(outcome.status is Status.ABORTED for outcome in state.items.values())
    batch.tell_manifest(state, BatchStatus.ABORTED if aborted else BatchStatus.RUNNING)
    return state


def _among(items: list[Item], names: Container[str] | None) -> list[Item]:
    """Return the items that are named; what else they depend on is completed."""
    if names is None:
        return items
    return [
        replace(item, dependencies=tuple(name for name in item.dependencies if name in names))
        for item in items
        if item.id in names
    ]


def _minutes(manifest: Manifest, settings: Settings, expected: Expectation) -> dict[str, float]:
    """Return what each ticket is expected to take, at most its time-out."""
    longest = settings.batch.timeout_per_ticket.total_seconds() / 60
    return {entry.id: min(expected.minutes(entry.complexity), longest) for entry in manifest.tickets}


def _waited_s(batch: Batch, ticket: str, outcome: Outcome) -> float:
    """Return for how long a provider was waited for since the ticket was started."""
    path = batch.attempt_folder(ticket, outcome.attempt) / "trajectory.jsonl"
    return Trajectory(path).waited_since(outcome.started_at) if outcome.started_at else 0.0


def has_work(batch: Batch, retry_failed: bool) -> bool:
    """Say whether a resume would start a ticket, judge a change or combine what passed."""
    state = reopened(batch, retry_failed)
    if any(outcome.is_unjudged() for outcome in state.items.values()) or together.is_due(batch):
        return True
    items = batch.manifest().items()
    settled = {name: outcome for name, outcome in state.items.items() if outcome.is_settled()}
    return bool(engine.startable(items, settled))


def _refusal(state: BatchState, settings: Settings, minutes: float) -> Outcome | None:
    """Say why a ticket that is expected to take so many minutes may not be started; None when it may."""
    limits = settings.batch
    if (refused := engine.refusal(limits.deadline, minutes)) is not None:
        return refused
    spent = sum(outcome.cost_usd for outcome in state.items.values())
    if limits.budget_usd is not None and spent >= limits.budget_usd:
        message = f"${spent:.2f} of ${limits.budget_usd:.2f} are spent"
        return Outcome(status=Status.ABORTED, reason=Reason.BUDGET, message=message)
    return None
