from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightwork.agent.trajectory import Trajectory
from nightwork.errors import StateError
from nightwork.llm import Message, Reply, ToolCall, ToolResult, Usage


def reply(*calls, text="", cost=0.0):
    found = tuple(ToolCall(id=name, name="view", input={"path": "x"}) for name in calls)
    return Reply(message=Message(role="assistant", text=text, calls=found), usage=Usage(cost_usd=cost))


def result(name):
    return ToolResult(call_id=name, text=f"answer {name}")


@pytest.fixture
def log(tmp_path):
    return Trajectory(tmp_path / "t" / "trajectory.jsonl")


def test_messages_alternate_and_hold_everything(log):
    log.say("C0", "open")
    log.say("C0", "more")
    log.add_reply("C0", reply("a", "b"))
    log.add_result("C0", result("a"))
    log.add_result("C0", result("b"))
    log.say("C1", "next")
    messages = log.messages()
    assert [message.role for message in messages] == ["user", "assistant", "user"]
    assert messages[0].text == "open\n\nmore"
    assert [r.call_id for r in messages[2].results] == ["a", "b"]
    assert messages[2].text == "next"
    assert Trajectory(log.path).messages() == messages


def test_calls_are_pending_until_each_has_its_answer(log):
    assert log.pending_calls() == []
    log.say("C0", "open")
    log.add_reply("C0", reply("a", "b"))
    assert [call.id for call in log.pending_calls()] == ["a", "b"]
    log.add_result("C0", result("b"))
    assert [call.id for call in Trajectory(log.path).pending_calls()] == ["a"]
    log.add_result("C0", result("a"))
    assert log.pending_calls() == []
    log.add_reply("C0", reply(text="thinking"))
    assert log.pending_calls() == []


def test_malformed_answers_are_counted_in_a_row(log):
    log.say("C0", "open")
    log.add_reply("C0", reply("a"))
    assert log.add_malformed("C0", "no") == 1
    assert log.add_malformed("C0", "the same reply once more") == 1
    log.add_reply("C0", reply("b"))
    assert log.add_malformed("C0", "no") == 2
    log.add_reply("C0", reply("c"))
    log.add_result("C0", result("c"))
    log.add_reply("C0", reply("d"))
    assert log.add_malformed("C0", "no") == 1
    log.add_reply("C1", reply("e"))
    assert log.add_malformed("C1", "no") == 1


def test_a_torn_line_counts_as_never_written(log):
    log.say("C0", "open")
    log.add_reply("C0", reply("a"))
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + b'{"at":"2026","kind":"result","sta')
    again = Trajectory(log.path)
    assert [call.id for call in again.pending_calls()] == ["a"]
    again.add_result("C0", result("a"))
    assert Trajectory(log.path).pending_calls() == []
    assert [record["kind"] for record in Trajectory(log.path).records] == ["user", "assistant", "result"]


def test_a_faulty_line_is_told_with_its_place(log):
    log.say("C0", "open")
    log.path.write_bytes(b"[1]\n" + log.path.read_bytes())
    with pytest.raises(StateError, match=r"trajectory\.jsonl:1"):
        Trajectory(log.path)


def test_the_last_accepted_value_of_a_stage_is_its_result(log):
    assert log.accepted("C0") is None
    log.accept("C0", {"a": 1})
    log.accept("C1", {"a": 2})
    assert (log.accepted("C0"), log.accepted("C1")) == ({"a": 1}, {"a": 2})


def test_the_time_that_a_provider_was_waited_for_is_that_of_the_run_under_way(log):
    log.add_wait("", 3600, clock=1.5)
    log.add_wait("", 60, clock=1.5)
    log.add_wait("", 7, clock=9.25)
    assert Trajectory(log.path).waited_s(1.5) == 3660
    assert Trajectory(log.path).waited_since(datetime(2020, 1, 1, tzinfo=UTC)) == 3667
    assert Trajectory(log.path).waited_since(datetime(2999, 1, 1, tzinfo=UTC)) == 0
    assert Trajectory(log.path).messages() == ()
