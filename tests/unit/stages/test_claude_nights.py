"""Whole nights with the real client against a server of ours: money, walls, and keys that are refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from messages_server import Answer, Asked, MessagesServer, cut, failed, rate_limited, tools

from nightwork.batch import Batch
from nightwork.llm import credentials
from nightwork.manifest import BatchStatus
from nightwork.outcome import Status

MODEL = "claude-opus-5-5"
SCOPE = {"submit_scope": {"objective": "add it", "in_scope": ["the file"]}}
PLAN = {"submit_plan": {"approach": "write it"}}
DONE = {"submit_work": {"summary": "add it"}}


def work(asked: Asked) -> Answer:
    """Work on any ticket: scope, plan, an edit, and the end."""
    if asked.stage != "C2":
        return tools(SCOPE if asked.stage == "C0" else PLAN)
    edit = {"edit": {"path": f"{asked.ticket}.txt", "old": "", "new": f"{asked.ticket}\n"}}
    return tools(edit if asked.turn == 0 else DONE)


@pytest.fixture
def serve(monkeypatch) -> Iterator[Callable[..., MessagesServer]]:
    """Return what starts a server that the client finds, with a key that it takes."""
    servers: list[MessagesServer] = []

    def start(answer: Callable[[Asked], Answer] = work, **options: Any) -> MessagesServer:
        servers.append(MessagesServer(answer, **options).__enter__())
        monkeypatch.setenv("ANTHROPIC_API_KEY", servers[-1].key)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", servers[-1].url)
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__(None)
    credentials.hold(credentials.Credentials())


@pytest.fixture
def claude(night):
    """Return the night, with Claude as its agent, and what sets it up."""

    def chosen(**more: Any):
        gates = [{"name": "tests", "measures": "tests", "command": ["true"]}]
        night.write("nightwork.yaml", json.dumps({"agent": {"model": MODEL}, "gates": gates, **more}))
        night.commit()
        return night

    return chosen


def statuses(batch: Batch) -> dict[str, str]:
    return {name: outcome.label() for name, outcome in batch.state().items.items()}


def asked_of(server: MessagesServer, ticket: str) -> int:
    return sum(asked.ticket == ticket for asked in server.requests)


def test_a_night_with_claude_lands_and_tells_what_it_cost(claude, serve):
    server = serve()
    batch, document = claude().run()
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    assert len(server.requests) == 8
    assert {(row.ticket, row.stage) for row in document.spending} == {(t, f"C{n}") for t in "AB" for n in range(3)}
    assert {row.model for row in document.spending} == {MODEL}
    tokens = [(row.input_tokens, row.cache_read_tokens, row.output_tokens) for row in document.spending]
    told = [(u["input_tokens"], u["cache_read_input_tokens"], u["output_tokens"]) for u in server.usages]
    assert tuple(map(sum, zip(*tokens, strict=True))) == tuple(map(sum, zip(*told, strict=True)))
    assert document.cost_usd == pytest.approx(sum(row.cost_usd for row in document.spending))
    assert document.cost_usd > 0
    assert sum(row.unconfirmed_usd for row in document.spending) == 0


def test_a_ticket_at_its_limit_keeps_its_difference_and_is_partial(claude, serve):
    def endless(asked: Asked) -> Answer:
        if asked.ticket == "B" or asked.stage != "C2" or asked.turn == 0:
            return work(asked)
        return tools({"list": {"path": "."}}, say="thinking about it " * 400)

    serve(endless)
    night = claude(agent={"model": MODEL, "max_output_tokens": 2000})
    night.ticket("B")  # does not stand on A
    night.commit()
    batch, document = night.run(budget_per_ticket_usd=0.30)
    assert statuses(batch) == {"A": "partial(budget)", "B": "completed"}
    spent = {row.ticket: row for row in document.queue}
    assert 0.1 < spent["A"].cost_usd <= 0.30
    assert "the ticket's limit of $0.30" in batch.state().items["A"].message
    assert night.git("show", "agent/A:A.txt") == "A"


def test_a_batch_at_its_limit_is_aborted_and_goes_on_with_a_higher_one(claude, serve):
    server = serve()
    night = claude(agent={"model": MODEL, "max_output_tokens": 4000})
    batch = night.begin(budget_usd=0.13)
    document = night.go_on(batch)
    assert set(statuses(batch).values()) <= {"aborted(budget)", "completed", "skipped(dependency)"}
    assert "aborted(budget)" in statuses(batch).values()
    assert document.cost_usd <= 0.13
    assert document.status is BatchStatus.ABORTED
    before = len(server.requests)
    document = night.go_on(batch, budget_usd=5.0)
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    assert len(server.requests) == 8, "no call was made twice"
    assert before < 8


def test_a_wall_stops_everything_but_probes_and_the_night_goes_on_after_it(claude, serve):
    walls: list[float] = []

    def answer(asked: Asked) -> Answer:
        if asked.stage == "C0" or (walls and time.time() >= walls[0]):
            return work(asked)
        walls.append(time.time() + 3)
        return rate_limited("3")

    server = serve(answer)
    night = claude(rate_limit={"hit_after": "1s"})
    night.ticket("B")
    night.commit()
    batch, document = night.run()
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    assert len(server.requests) <= 8 + 2, "those that were under way at the wall, and nothing more"
    assert [row.kind for row in document.waits] == ["rate limit"]
    assert document.waits[0].provider == "anthropic"
    assert max(outcome.waited_s for outcome in batch.state().items.values()) > 1


def test_more_hits_than_the_batch_takes_abort_it_with_everything_kept(claude, serve):
    is_closed = True

    def answer(asked: Asked) -> Answer:
        return rate_limited("2") if is_closed and asked.stage == "C2" and asked.turn == 1 else work(asked)

    server = serve(answer)
    night = claude(rate_limit={"hit_after": "1s", "max_hits": 1})
    batch = night.begin()
    document = night.go_on(batch)
    assert statuses(batch) == {"A": "aborted(rate_limit)", "B": "skipped(dependency)"}
    assert "2 rate limits, more than 1" in batch.state().items["A"].message
    assert document.status is BatchStatus.ABORTED
    is_closed = False
    before = len(server.requests)
    night.go_on(batch)
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    assert len(server.requests) - before == 1 + 4, "A goes on where it was"


def test_a_key_that_is_refused_ends_the_night_after_one_request(claude, serve):
    server = serve(lambda _: failed(401, "authentication_error", "invalid x-api-key"))
    night = claude(batch={"parallel_agents": 1})
    for name in "CDE":
        night.ticket(name)
    night.commit()
    batch, document = night.run()
    assert len(server.requests) == 1
    told = {name: label for name, label in statuses(batch).items() if name != "B"}
    assert set(told.values()) == {"aborted(infrastructure)"}
    assert document.counts[Status.FAILED] == 0
    assert "invalid x-api-key" in document.failed[0].reason


def test_calls_that_break_off_count_with_all_that_they_could_have_cost(claude, serve, monkeypatch):
    monkeypatch.setattr("nightwork.llm.metered._FIRST_RETRY_S", 0.01)
    broken: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        if asked.stage == "C1" and not broken:
            broken.append(asked)
            return cut(work(asked))
        return work(asked)

    serve(answer)
    batch, document = claude().run()
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    (row,) = [row for row in document.spending if row.unconfirmed_usd]
    assert row.unconfirmed_usd > 16_000 * 20 / 1e6, "the longest answer was not left out"


def test_an_agent_that_was_chosen_for_a_run_goes_on_in_a_resume(claude, serve):
    serve()
    night = claude(agent={"kind": "command", "command": ["false"]})
    batch = night.begin(agent=MODEL, budget_usd=0.0)
    night.go_on(batch, agent=MODEL)
    assert "aborted(budget)" in statuses(batch).values()
    night.go_on(batch, budget_usd=5.0)
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    assert batch.settings().agent.model == MODEL


def test_where_little_is_left_answers_are_kept_short_rather_than_given_up(claude, serve):
    server = serve()
    batch, _ = claude().run(budget_per_ticket_usd=0.20)
    assert statuses(batch) == {"A": "completed", "B": "completed"}
    assert {asked.body["max_tokens"] for asked in server.requests} == {4000}
