"""Batches against a provider that fails at random, or that is closed for any time: nothing is lost."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from messages_server import Asked, Faults, MessagesServer, rate_limited, tools
from pydantic import SecretStr
from simulated import Simulated

from nightwork import engine
from nightwork.agent import Assignment, Clock
from nightwork.agent.model import ModelAgent
from nightwork.agent.results import Plan, Scope, Work
from nightwork.agent.trajectory import Trajectory
from nightwork.agent_settings import AgentSettings
from nightwork.breaker import Breaker
from nightwork.ledger import Ledger, Limits
from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.metered import Account, Metered, Patience
from nightwork.llm.prices import price_of
from nightwork.order import Item
from nightwork.outcome import Outcome, Status
from nightwork.sandbox import Unconfined
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


class Night:
    """One batch of three tickets."""

    def __init__(self, folder: Path, server: MessagesServer, time: Simulated | None = None) -> None:
        self.folder, self.time = folder, time or Simulated()
        time = self.time
        breaker = Breaker(folder / "providers.sqlite", "anthropic", time, longest_look_s=3600)
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.account = Account(self.ledger, "night", Limits(), lambda _: breaker, Patience(since=time.now()))
        credentials = Credentials(api_key=SecretStr(server.key), base_url=server.url)
        self.model = ClaudeModel(MODEL, credentials, price_of(MODEL, {}))

    def work_on(self, name: str) -> Outcome:
        worktree = self.folder / name
        worktree.mkdir(exist_ok=True)
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
        self.account = replace(self.account, patience=Patience(since=self.time.now()))
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


class Wall:
    """A provider that closes at one of its requests, for so long."""

    def __init__(self, time: Simulated, at_request: int, hours: float, is_told: bool) -> None:
        self.time, self.at_request, self.seconds, self.is_told = time, at_request, hours * 3600, is_told
        self.ends: float | None = None
        self.asked, self.refused = 0, 0

    def __call__(self, asked: Asked):
        self.asked += 1
        if self.asked == self.at_request:
            self.ends = self.time.now() + self.seconds
        if self.ends is None or self.time.now() >= self.ends:
            return answer(asked)
        self.refused += 1
        return rate_limited(f"{self.ends - self.time.now():.3f}" if self.is_told else None)


def is_whole(night: Night, outcomes: dict[str, Outcome]) -> bool:
    texts = [(night.folder / name / f"{name}.txt").read_text() for name in TICKETS]
    return {outcome.status for outcome in outcomes.values()} == {Status.COMPLETED} and set(texts) == {"one\ntwo\n"}


@pytest.mark.parametrize("hours", [0.1, 0.5, 1, 3, 7, 24, 100, 700])
def test_a_wall_of_any_length_that_is_told_costs_one_hit_and_no_ticket(tmp_path, hours):
    for at_request in range(1, 16, 3):
        time = Simulated()
        wall = Wall(time, at_request, hours, is_told=True)
        folder = tmp_path / str(at_request)
        folder.mkdir()
        with MessagesServer(wall) as server:
            night = Night(folder, server, time)
            assert is_whole(night, night.run())
            assert wall.refused <= 3, "each agent's call that was under way, and no other"
            assert len(server.requests) == 15 + wall.refused
            assert len(night.account.breaker("anthropic").closures(0)) == 1


@pytest.mark.parametrize("hours", [0.5, 2.5, 9, 50])
def test_a_wall_of_any_length_that_is_not_told_is_outlasted_by_a_resume(tmp_path, hours):
    time = Simulated()
    wall = Wall(time, 4, hours, is_told=False)
    with MessagesServer(wall) as server:
        night = Night(tmp_path, server, time)
        runs = 1
        while not is_whole_so_far(night, night.run()):
            runs += 1
            time.sleep(8 * 3600)  # until somebody, or a schedule, resumes
        assert runs <= 1 + hours / 8 + 1
        assert wall.refused <= runs * (3 + 3), "those under way, then one probe an hour"
        assert len(server.requests) == 15 + wall.refused, "no answered call was made again"


def is_whole_so_far(night: Night, outcomes: dict[str, Outcome]) -> bool:
    statuses = {outcome.status for outcome in outcomes.values()}
    assert statuses <= {Status.COMPLETED, Status.ABORTED, Status.SKIPPED}, outcomes
    return is_whole(night, outcomes) if statuses == {Status.COMPLETED} else False
