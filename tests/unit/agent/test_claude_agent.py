"""The agent with the real client against a server of ours: what is said to the provider, turn by turn."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path

import pytest
from messages_server import Answer, MessagesServer, conversations, failed, refusal, text, tools
from pydantic import SecretStr

from nightwork.agent import Assignment, Clock
from nightwork.agent.model import ModelAgent
from nightwork.agent.results import Work
from nightwork.agent.trajectory import Trajectory
from nightwork.agent.transcript import transcript
from nightwork.agent_settings import AgentSettings
from nightwork.errors import ModelError, ThinkingRefused, Unavailable
from nightwork.llm.claude import ClaudeModel
from nightwork.llm.credentials import Credentials
from nightwork.llm.prices import price_of
from nightwork.outcome import Unfinished
from nightwork.sandbox import Unconfined
from nightwork.ticket import Ticket

NOTES = Path(tempfile.gettempdir()) / "nightwork-tests-running"
SCOPE = {"submit_scope": {"objective": "greet", "in_scope": ["hello"]}}
PLAN = {"submit_plan": {"approach": "write it"}}
WORK = {"submit_work": {"summary": "greet people"}}
VIEW = {"view": {"path": "a.txt"}}
EDIT = {"edit": {"path": "a.txt", "old": "one", "new": "one one"}}
HAPPY = {"C0": [[VIEW], [SCOPE]], "C1": [[PLAN]], "C2": [[EDIT], [WORK]]}


class Attempt:
    """One attempt of a ticket; each run makes agent and model anew."""

    def __init__(self, folder, server, ticket="T-1", model="claude-opus-5-5", window=None, **settings):
        self.folder, self.server, self.ticket, self.name = folder, server, ticket, model
        self.settings = AgentSettings(model=model, **settings)
        price = price_of(model, {})
        self.price = price.model_copy(update={"context_window": window}) if window else price
        (folder / "w").mkdir(parents=True, exist_ok=True)
        if not (folder / "w" / "a.txt").exists():
            (folder / "w" / "a.txt").write_text("one\n")
        self.path = folder / "log" / "trajectory.jsonl"
        self.path.parent.mkdir(exist_ok=True)

    def agent(self):
        assignment = Assignment(
            ticket=Ticket(id=self.ticket, title=f"greet {self.ticket}", description="Say hello. " * 20),
            attempt=1,
            worktree=self.folder / "w",
            trajectory=self.path,
            settings=self.settings,
            sandbox=Unconfined(NOTES),
            clock=Clock(60),
        )
        credentials = Credentials(api_key=SecretStr(self.server.key), base_url=self.server.url)
        model = ClaudeModel(
            self.name, credentials, self.price, self.settings.max_output_tokens, self.settings.cache_ttl
        )
        return ModelAgent(model, assignment)

    def run(self):
        scope = self.agent().scope()
        plan = self.agent().plan(scope)
        return self.agent().implement(scope, plan, lambda: [])


@pytest.fixture
def attempt(tmp_path):
    """Run one attempt to its end; returns its result, the requests, and the attempt."""

    def run(script, folder="one", **settings):
        with MessagesServer(conversations({"T-1": script})) as server:
            found = Attempt(tmp_path / folder, server, **settings)
            return found.run(), server.requests, found

    return run


def test_an_attempt_passes_from_scope_to_work(attempt):
    work, requests, found = attempt(HAPPY)
    assert work == Work(summary="greet people")
    assert len(requests) == 5
    assert (found.folder / "w" / "a.txt").read_text() == "one one\n"
    assert Trajectory(found.path).last_usage().cost_usd > 0


def test_an_answer_that_was_cut_is_asked_for_once_more_in_smaller_steps(attempt):
    half = Answer(
        blocks=({"type": "tool_use", "name": "edit", "raw": '{"path": "a.txt", "ne'},),
        stop_reason="max_tokens",
        output_tokens=777,
    )
    work, requests, _ = attempt({**HAPPY, "C2": [half, *HAPPY["C2"]]})
    assert isinstance(work, Work)
    assert "cut off after 777 tokens" in requests[4].words()
    with pytest.raises(Unfinished, match="malformed"):
        attempt({**HAPPY, "C2": [half, half]}, folder="two")


def test_whole_calls_of_a_cut_answer_are_carried_out(attempt):
    both = Answer(
        blocks=(*tools(EDIT).blocks, {"type": "tool_use", "name": "edit", "raw": '{"pa'}), stop_reason="max_tokens"
    )
    work, requests, found = attempt({**HAPPY, "C2": [both, both, [WORK]]})
    assert isinstance(work, Work)
    assert (found.folder / "w" / "a.txt").read_text() != "one\n"
    assert "cut off" in requests[-1].words()
    assert Trajectory(found.path).count("C2", "malformed") == 0


def test_an_input_that_is_no_json_is_answered_with_the_reason_and_asked_for_once(attempt):
    bad = Answer(blocks=({"type": "tool_use", "name": "submit_scope", "raw": "{no"},), stop_reason="tool_use")
    work, requests, _ = attempt({**HAPPY, "C0": [bad, *HAPPY["C0"]]})
    assert isinstance(work, Work)
    assert b"no JSON object" in requests[1].raw
    with pytest.raises(Unfinished, match="malformed"):
        attempt({**HAPPY, "C0": [bad, bad]}, folder="two")


def test_a_refusal_ends_the_ticket_with_its_words(attempt):
    with pytest.raises(Unfinished) as caught:
        attempt({**HAPPY, "C1": [refusal("I would rather not")]})
    assert caught.value.outcome.label() == "failed(gave_up)"
    assert "I would rather not" in caught.value.outcome.message


def test_a_paused_answer_goes_on(attempt):
    work, _, found = attempt({**HAPPY, "C1": [text("thinking on", "pause_turn"), [PLAN]]})
    assert isinstance(work, Work)
    assert Trajectory(found.path).count("C1", "malformed") == 0


THINKING = {stage: [tools(*turn, think=f"Hm {stage}. " * 9) for turn in turns] for stage, turns in HAPPY.items()}


def test_thinking_stays_in_the_trajectory_and_goes_back_unchanged(attempt):
    _, requests, found = attempt(THINKING)
    assert requests[-1].raw.count(b'"type":"thinking"') == 4
    assert found.path.read_text().count('"signature"') == 5


UNTAKEN = (
    "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
)


def test_thinking_that_its_model_does_not_take_back_is_left_out_and_the_work_goes_on(tmp_path):
    scripted = conversations({"T-1": THINKING})

    def answer(asked):
        is_third = len([b for b in asked.blocks() if b'"type":"thinking"' in b]) == 3
        return failed(400, "invalid_request_error", UNTAKEN) if is_third else scripted(asked)

    with MessagesServer(answer) as server:
        found = Attempt(tmp_path, server)
        assert isinstance(found.run(), Work)
        assert [request.raw.count(b'"type":"thinking"') for request in server.requests] == [0, 1, 2, 3, 0, 1]
    with MessagesServer(lambda asked: failed(400, "invalid_request_error", UNTAKEN)) as server:
        with pytest.raises(ThinkingRefused):
            Attempt(tmp_path / "two", server).run()
        assert len(server.requests) == 1


LONG_ANSWERS = {**HAPPY, "C2": [*[[VIEW] for _ in range(30)], [EDIT], [WORK]]}


def long_attempt(tmp_path, server, folder="one", **settings):
    found = Attempt(tmp_path / folder, server, max_output_tokens=1_000, **settings)
    (found.folder / "w" / "a.txt").write_text("one\n" + "line of text\n" * 300)
    return found


@pytest.mark.parametrize("thinks", [False, True])
def test_a_long_conversation_stays_within_the_window_and_rarely_changes_its_beginning(tmp_path, thinks):
    script = LONG_ANSWERS
    if thinks:
        script = {stage: [tools(*turn, think="Hm. " * 20) for turn in turns] for stage, turns in script.items()}
    with MessagesServer(conversations({"T-1": script}), window=17_000) as server:
        found = long_attempt(tmp_path, server, window=17_000)
        assert isinstance(found.run(), Work)
        assert len(server.requests) == 35  # none was refused as too long
        changed = [
            after.number
            for before, after in zip(server.requests, server.requests[1:], strict=False)
            if after.blocks()[: len(before.blocks())] != before.blocks()
        ]
        notes = [record for record in Trajectory(found.path).records if record["kind"] == "left_out"]
        assert 1 <= len(notes) == len(changed) <= 6
        assert min(after - before for before, after in itertools.pairwise(changed)) >= 5
        assert "left out; call the tool again" in server.requests[-1].raw.decode()
        assert "left out from here on" in transcript(found.path.parent)


def test_a_conversation_that_its_model_finds_too_long_is_shortened_and_goes_on(tmp_path):
    with MessagesServer(conversations({"T-1": LONG_ANSWERS}), window=17_000) as server:
        found = long_attempt(tmp_path, server)  # believes in a window of a million tokens
        assert isinstance(found.run(), Work)
        assert 35 < len(server.requests) < 42


def test_an_answer_that_fills_the_window_shortens_the_conversation(attempt):
    full = Answer(blocks=({"type": "text", "text": "so"},), stop_reason="model_context_window_exceeded")
    (view,) = [VIEW]
    big = {**HAPPY, "C2": [[view], full, *HAPPY["C2"]]}
    work, requests, _ = attempt(big)
    assert isinstance(work, Work)
    assert "cut off" in requests[5].words()


def test_a_conversation_that_cannot_be_shortened_is_an_error_of_the_model(tmp_path):
    with MessagesServer(conversations({"T-1": HAPPY}), window=100) as server:
        with pytest.raises(ModelError, match="too long"):
            Attempt(tmp_path, server).run()
        assert len(server.requests) == 1


SCRIPTS = {
    "happy": (HAPPY, None),
    "thinking": (THINKING, None),
    "shortened": ({**LONG_ANSWERS, "C2": [*LONG_ANSWERS["C2"][:12], [EDIT], [WORK]]}, 9_000),
    "cut and bad": (
        {
            **HAPPY,
            "C1": [
                Answer(blocks=({"type": "tool_use", "name": "view", "raw": '{"p'},), stop_reason="max_tokens"),
                [PLAN],
            ],
            "C2": [
                Answer(blocks=({"type": "tool_use", "name": "view", "raw": "{no"},), stop_reason="tool_use"),
                [EDIT],
                [WORK],
            ],
        },
        None,
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_killed_after_any_record_asks_nothing_twice_and_goes_on_with_the_same_bytes(tmp_path, name):
    script, window = SCRIPTS[name]
    with MessagesServer(conversations({"T-1": script})) as server:
        whole = long_attempt(tmp_path, server, "whole", window=window)
        expected = whole.run()
        said = [request.raw for request in server.requests]
        lines = whole.path.read_bytes().splitlines(keepends=True)
        text_after = (whole.folder / "w" / "a.txt").read_text()
        wrong = []
        for end in range(1, len(lines)):
            killed = long_attempt(tmp_path, server, str(end), window=window)
            killed.path.write_bytes(b"".join(lines[:end]) + lines[end][: len(lines[end]) // 2])
            if any(b'"text":"a.txt changed"' in line for line in lines[:end]):
                (killed.folder / "w" / "a.txt").write_text(text_after)
            answered = sum(json.loads(line)["kind"] == "assistant" for line in lines[:end])
            before = len(server.requests)
            same = killed.run() == expected
            if not same or [request.raw for request in server.requests[before:]] != said[answered:]:
                wrong.append((end, json.loads(lines[end - 1])["kind"]))
        assert not wrong


def test_an_unavailable_provider_leaves_nothing_in_the_trajectory(tmp_path):
    with MessagesServer([failed(500)]) as server:
        found = Attempt(tmp_path, server)
        with pytest.raises(Unavailable):
            found.run()
        assert [record["kind"] for record in Trajectory(found.path).records] == ["user"]


TURNS = [[{"view": {"path": f"f{number}.txt"}}] for number in range(17)]
NIGHT = {"C0": [*TURNS[:3], [SCOPE]], "C1": [TURNS[3], [PLAN]], "C2": [*TURNS[4:], [WORK]]}


def test_nine_tenths_of_a_batchs_input_is_read_from_the_cache(tmp_path, capsys):
    """The bar of the issue: 10 tickets with 20 turns each, compared byte for byte at the server."""
    names = [f"T-{number}" for number in range(10)]
    with MessagesServer(conversations(dict.fromkeys(names, NIGHT))) as server:
        for name in names:
            found = Attempt(tmp_path / name, server, ticket=name)
            for number in range(17):
                (found.folder / "w" / f"f{number}.txt").write_text(f"{name} line {number}\n" * (20 + 5 * number))
            found.run()
        assert len(server.requests) == 200
        firsts = [request for request in server.requests if len(request.body["messages"]) == 1]
        unchanged, whole = 0, 0
        seen = []
        for request in server.requests:
            sizes, common = [len(block) for block in request.blocks()], 0
            for other in seen[-25:]:
                pairs = zip(request.blocks(), other, strict=False)
                same = next(
                    (place for place, (one, two) in enumerate(pairs) if one != two), min(len(sizes), len(other))
                )
                common = max(common, sum(sizes[:same]))
            unchanged, whole = unchanged + common, whole + sum(sizes)
            seen.append(request.blocks())
        with capsys.disabled():
            print(
                f" [unchanged bytes {unchanged / whole:.1%}, read from the cache {server.cached_share():.1%}]", end=""
            )
        assert unchanged / whole >= 0.9
        assert server.cached_share() >= 0.9
        for one in firsts[1:]:
            assert one.blocks()[:-1] == firsts[0].blocks()[:-1]
            assert one.blocks()[-1] != firsts[0].blocks()[-1]


def test_a_turn_with_more_answers_than_the_cache_looks_back_still_finds_it(tmp_path):
    many = {**HAPPY, "C0": [[VIEW] * 30, [VIEW] * 30, [VIEW] * 30, [SCOPE]]}
    with MessagesServer(conversations({"T-1": many})) as server:
        Attempt(tmp_path, server).run()
        for before, after in zip(server.usages, server.usages[1:], strict=False):
            assert after["cache_read_input_tokens"] >= (
                before["cache_read_input_tokens"] + before["cache_creation_input_tokens"]
            )


def test_nothing_of_this_machine_stands_in_the_prompts_beginning(attempt, tmp_path):
    _, requests, _ = attempt(HAPPY)
    assert all(str(tmp_path).encode() not in request.raw for request in requests)
    assert str(Path.home()).encode() not in requests[0].raw or str(Path.home()) == "/"


def test_no_call_of_an_attempt_costs_more_than_was_reserved_for_it(tmp_path):
    with MessagesServer(conversations({"T-1": LONG_ANSWERS})) as server:
        found = long_attempt(tmp_path, server)
        agent = found.agent()
        reserved = []
        complete = agent.model.complete

        def noted(request):
            reply = complete(request)
            reserved.append((agent.model.worst_case_usd(request), reply.usage.cost_usd))
            return reply

        agent.model.complete = noted
        scope = agent.scope()
        agent.implement(scope, agent.plan(scope), lambda: [])
        assert len(reserved) == 35
        assert all(cost <= most for most, cost in reserved)
        usage = Trajectory(found.path).last_usage()
        # The reservation is no fantasy: the longest answer, what was counted, and little more.
        assert reserved[-1][0] < (1_000 * 20 + 1.3 * usage.tokens * 5) / 1e6
