"""Batches against a provider of whose answers 30 % fail at random: nothing is lost, whatever the seed."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from messages_server import Asked, Faults, MessagesServer, tools
from pydantic import SecretStr

from nightwork import engine
from nightwork.agent import Assignment, Clock
from nightwork.agent.model import ModelAgent
from nightwork.agent.results import Plan, Scope, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.breaker import Breaker
from nightwork.ledger import Ledger, Limits
from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.metered import Account, Metered, Patience
from nightwork.llm.prices import price_of
from nightwork.order import Item
from nightwork.outcome import Outcome, Status
from nightwork.sandbox import Unconfined
from nightwork.settings import AgentSettings
from nightwork.ticket import Ticket

MODEL = "claude-opus-5-5"
TICKETS = ("A", "B", "C")
SEEDS = 200


def answer(asked: Asked):
    if asked.stage == "C0":
        return tools({"submit_scope": {"objective": "add it", "in_scope": ["the file"]}})
    if asked.stage == "C1":
        return tools({"submit_plan": {"approach": "write it"}})
    turns = [
        {"edit": {"path": f"{asked.ticket}.txt", "old": "", "new": "one\n"}},
        {"edit": {"path": f"{asked.ticket}.txt", "old": "one", "new": "one\ntwo"}},
        {"submit_work": {"summary": "add it"}},
    ]
    return tools(turns[asked.turn])


class Simulated:
    """A clock on which nobody really waits."""

    def __init__(self) -> None:
        self.at = 1_000_000.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.at += seconds


class Night:
    """One batch of three tickets."""

    def __init__(self, folder: Path, server: MessagesServer) -> None:
        self.folder, time = folder, Simulated()
        breaker = Breaker(folder / "providers.sqlite", "anthropic", time)
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.account = Account(self.ledger, "night", Limits(), lambda _: breaker, Patience(since=time.now()))
        credentials = Credentials(api_key=SecretStr("sk-ant-of-a-test"), base_url=server.url)
        self.model = ClaudeModel(MODEL, credentials, price_of(MODEL, {}))

    def work_on(self, name: str) -> Outcome:
        worktree = self.folder / name
        worktree.mkdir()
        assignment = Assignment(
            ticket=Ticket(id=name, title=f"add {name}"),
            attempt=1,
            worktree=worktree,
            trajectory=self.trajectory(name),
            settings=AgentSettings(model=MODEL),
            sandbox=Unconfined(self.folder / "running"),
            clock=Clock(3600),
            account=self.account,
        )
        agent = ModelAgent(Metered(self.model, "anthropic", replace(self.account)), assignment)
        scope = agent.scope()
        assert isinstance(scope, Scope)
        plan = agent.plan(scope)
        assert isinstance(plan, Plan)
        assert isinstance(agent.implement(scope, plan, lambda: []), Work)
        return Outcome(status=Status.COMPLETED)

    def trajectory(self, name: str) -> Path:
        path = self.folder / f"log-{name}" / "trajectory.jsonl"
        path.parent.mkdir(exist_ok=True)
        return path

    def run(self) -> dict[str, Outcome]:
        items = [Item("A", ()), Item("B", ("A",)), Item("C", ())]
        with ThreadPoolExecutor(3) as pool:
            submit = lambda name: pool.submit(self.work_on, name)  # noqa: E731
            return engine.run(items, {}, submit, parallel=3, record=lambda *_: None)


@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_every_batch_ends_with_nothing_lost(first):
    memory = Path("/dev/shm")  # 200 batches write a lot
    for seed in range(first, first + 20):
        with (
            tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
            MessagesServer(answer, faults=Faults(0.3, seed)) as server,
        ):
            night = Night(Path(folder), server)
            outcomes = night.run()
            assert {outcome.status for outcome in outcomes.values()} == {Status.COMPLETED}, (seed, outcomes)
            for name in TICKETS:
                assert (night.folder / name / f"{name}.txt").read_text() == "one\ntwo\n"
                log = Trajectory(night.trajectory(name))
                assert all(log.accepted(stage) for stage in ("C0", "C1", "C2"))
                assert sum(record["kind"] == "assistant" for record in log.records) == 5
            assert len(server.requests) == 15 + server.faulty, "no answered call was made again"
            assert sum(line.calls for line in night.ledger.lines("night")) >= 15
            assert night.ledger.close_leftovers() == 0
