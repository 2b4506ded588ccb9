"""A batch that is begun on one machine, and goes on or is decided on another."""

from __future__ import annotations

import json
import time

import pytest

from nightwork.batch import Batch, open_batch
from nightwork.checkpoint import BatchState
from nightwork.decision import Kind
from nightwork.files import read_records
from nightwork.stages import review
from nightwork.travel import Source, glance, visit


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def replies(batch, name):
    path = batch.attempt_folder(name, 1) / "trajectory.jsonl"
    return [record["message"]["calls"][0]["id"] for record in read_records(path) if record["kind"] == "assistant"]


def whole(remote, machine):
    """Hold a batch that should be done against what an undisturbed one comes to."""
    assert {name: outcome.label() for name, outcome in machine.outcomes().items()} == dict.fromkeys("ABC", "completed")
    assert machine.batch.manifest().status == "completed"
    for name in "ABC":
        base = "agent/A" if name == "B" else "main"
        assert remote.git("rev-list", "--count", f"{base}..agent/{name}") == "1"
        assert remote.git("show", f"agent/{name}:{name}.txt") == "one\ntwo"
        assert len(replies(machine.batch, name)) == len(set(replies(machine.batch, name))) == 6
    assert "refs/nightwork/lock" not in remote.refs()


@pytest.fixture
def slow(remote):
    """Return a remote whose agents run commands of a second."""
    path = remote.work / "script.yaml"
    remote.push({"script.yaml": path.read_text().replace("sleep 0.0", "sleep 1")})
    return remote


def pushed(remote, path):
    return remote.git("ls-tree", "-r", "--name-only", "refs/nightwork/batches/night", path)


def test_a_batch_killed_in_the_middle_of_its_work_is_ended_by_another_machine(slow, machine):
    first, second = machine("a"), machine("b")
    run = first.start("run", slow.url)
    change = "tickets/A/attempt-1/change.json"
    until(lambda: "refs/nightwork/batches/night" in slow.refs() and pushed(slow, change))
    run.kill()
    run.wait()
    (first.batch.folder / "more.json").write_text("{}")  # something at least was not pushed
    done = set(slow.log.read_text().split())
    landed = slow.refs()["refs/heads/agent/A"]
    sent = slow.git("show", "refs/nightwork/batches/night:tickets/A/attempt-1/trajectory.jsonl")
    second.run("run", slow.url)
    whole(slow, second)
    assert slow.refs()["refs/heads/agent/A"] == landed
    assert (second.batch.attempt_folder("A", 1) / "trajectory.jsonl").read_text().startswith(sent)
    assert {"A-one", "A-two"} <= done
    lines = slow.log.read_text().split()
    assert lines.count("A-one") == lines.count("A-two") == 1  # nothing of what was finished ran again
    first.run("run", slow.url)
    whole(slow, first)
    assert list((first.copy / ".nightwork" / "aside").glob("*/more.json"))  # what was not pushed is kept
    assert "was changed elsewhere as well" in first.errors


def test_turns_that_were_pushed_in_the_middle_of_c2_are_not_paid_again(slow, machine):
    first, second = machine("a"), machine("b")
    run = first.start("run", slow.url)
    place = "refs/nightwork/batches/night:tickets/A/attempt-1/trajectory.jsonl"

    def turns():
        if "refs/nightwork/batches/night" not in slow.refs() or not pushed(
            slow, "tickets/A/attempt-1/trajectory.jsonl"
        ):
            return []
        records = [json.loads(line) for line in slow.git("show", place).splitlines()]
        return [record["message"]["calls"][0]["id"] for record in records if record["kind"] == "assistant"]

    until(lambda: any(turn.startswith("C2") for turn in turns()))
    run.kill()
    paid = slow.git("show", place)
    second.run("run", slow.url)
    whole(slow, second)
    assert (second.batch.attempt_folder("A", 1) / "trajectory.jsonl").read_text().startswith(paid)


@pytest.mark.parametrize("after_s", [1.0, 1.7, 2.4, 3.2, 4.5])
def test_a_kill_at_any_time_leaves_a_batch_that_another_machine_ends(slow, machine, after_s):
    run = machine("a").start("run", slow.url)
    time.sleep(after_s)
    run.kill()
    machine("b").run("run", slow.url)
    whole(slow, machine("b"))


def test_a_copy_killed_while_a_batch_arrives_takes_it_whole_the_next_time(travelled, machine):
    for number in range(8):
        arriving = machine("b").start("run", travelled.url)
        time.sleep(0.7 + 0.1 * number)
        arriving.kill()
        arriving.wait()
    machine("b").run("run", travelled.url)
    whole(travelled, machine("b"))
    assert machine("b").outcomes() == BatchState.model_validate_json(travelled.kept("checkpoint.json")).items


def test_a_branch_that_somebody_moved_or_deleted_on_the_remote_is_left_so(travelled, at_home):
    at_home("a")
    with visit(Source(travelled.url), "a test"):
        pass
    travelled.git("update-ref", "refs/heads/agent/A", travelled.refs()["refs/heads/main"])
    travelled.git("branch", "-D", "agent/C")
    with visit(Source(travelled.url), "a test") as root:
        heads = travelled.git("-C", str(root), "for-each-ref", "--format=%(refname)", "refs/heads/agent").split()
    assert heads == ["refs/heads/agent/A", "refs/heads/agent/B"]
    assert travelled.refs()["refs/heads/agent/A"] == travelled.refs()["refs/heads/main"]
    assert "refs/heads/agent/C" not in travelled.refs()


def test_of_two_decisions_at_the_same_instant_one_holds_and_the_other_is_told(travelled, machine):
    people = [
        machine("b").start("decide", travelled.url, "A", "approve", ""),
        machine("c").start("decide", travelled.url, "A", "reject", "no"),
    ]
    for person in people:
        assert person.stdout.readline() == "ready\n"
    for person in people:
        person.stdin.write("\n")
        person.stdin.flush()
    codes = [person.wait(60) for person in people]
    assert sorted(codes) == [0, 1]
    winner, loser = (machine("b"), machine("c")) if codes[0] == 0 else (machine("c"), machine("b"))
    assert "DecidedElsewhere" in loser.errors
    assert "was there first" in loser.errors
    assert "DecidedElsewhere" not in winner.errors
    lines = travelled.git("show", "refs/nightwork/batches/night:decisions.jsonl").splitlines()
    kind = "approve" if codes[0] == 0 else "reject"
    assert [json.loads(line)["kind"] for line in lines] == [kind]
    state = {"approve": "ready", "reject": "closed"}[kind]
    assert f"state: {state}" in travelled.git("show", "refs/nightwork/batches/night:merge_requests/A.md")


def test_decisions_on_different_matters_all_hold_and_the_manifest_is_reviewed(travelled, machine, at_home):
    people = [machine(f"person-{name}").start("decide", travelled.url, name, "reject", "no") for name in "ABC"]
    for person in people:
        assert person.stdout.readline() == "ready\n"
    for person in people:
        person.stdin.write("\n")
        person.stdin.flush()
    assert [person.wait(60) for person in people] == [0, 0, 0]
    at_home("a")
    with glance(Source(travelled.url)) as root:
        assert {each.ticket for each in open_batch(str(root), "night").decisions.all()} == set("ABC")
        review.review(str(root), "night")
    assert "status: reviewed" in travelled.git("show", "refs/nightwork/batches/night:manifest.yaml")


def test_a_decision_while_a_run_is_under_way_is_taken_in_by_it(travelled, machine, at_home):
    at_home("b")
    with visit(Source(travelled.url), "a run") as root:
        machine("c").run("decide", travelled.url, "A", "approve", "")
        (root / ".nightwork" / "batches" / "night" / "more.json").write_text("{}")
        until(lambda: Batch(root, "night").decisions.all())
    assert [each.kind for each in Batch(root, "night").decisions.all()] == [Kind.APPROVE]
    assert pushed(travelled, "more.json")
    assert pushed(travelled, "decisions.jsonl")


def test_a_decision_that_could_not_be_pushed_is_pushed_with_the_next_unless_another_was_first(
    travelled, machine, at_home, caplog
):
    at_home("b")
    away = travelled.folder.with_name("away")
    with (
        pytest.raises(Exception, match=r"away|cannot be used|could not be reached"),
        glance(Source(travelled.url)) as root,
    ):
        review.decide(open_batch(str(root), "night"), "A", Kind.APPROVE, "")
        review.decide(open_batch(str(root), "night"), "C", Kind.APPROVE, "")
        travelled.folder.rename(away)
    away.rename(travelled.folder)
    machine("c").run("decide", travelled.url, "A", "reject", "no")
    with glance(Source(travelled.url)) as root:
        kinds = {each.ticket: each.kind for each in open_batch(str(root), "night").decisions.all()}
    assert kinds == {"A": Kind.REJECT, "C": Kind.APPROVE}
    for name, state in (("A", "closed"), ("C", "ready")):
        assert f"state: {state}" in travelled.git("show", f"refs/nightwork/batches/night:merge_requests/{name}.md")
    assert "was not pushed in time" in caplog.text
