from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from nightwork.batch import Batch, Earlier, Intake
from nightwork.decision import Decision, Kind
from nightwork.errors import BadInput, bad_input
from nightwork.manifest import Config, Entry, Manifest
from nightwork.outcome import Outcome, Status
from nightwork.settings import BatchSettings, Settings
from nightwork.stages.earlier import earlier_attempts
from nightwork.stages.intake import collect
from nightwork.stages.selection import select
from nightwork.ticket import State, Ticket
from nightwork.tracker import Found
from nightwork.workspace import Repository


def ticket(name, *dependencies, **more):
    given = {"labels": ("ready-for-agent",), "acceptance_criteria": ("works",), **more}
    return Ticket(id=name, title=f"do {name}", dependencies=dependencies, **given)


def chosen(*tickets, most=20, earlier=None, foreign=(), unreadable=()):
    rows = tuple((f"tickets/{number}.md", one) for number, one in enumerate(tickets))
    return select(Found(rows, tuple(unreadable)), most, earlier or {}, frozenset(foreign))


def admitted(selection):
    return [one.id for one in selection.admitted]


def reasons(rows, name):
    return [reason for row in rows if row.ticket == name for reason in row.reasons]


def test_ready_tickets_are_admitted_in_the_order_of_work():
    found = chosen(ticket("B", "A"), ticket("A"), ticket("C", priority="critical"))
    assert sorted(admitted(found)) == ["A", "B", "C"]
    assert admitted(found).index("A") < admitted(found).index("B")
    assert found.dependencies == {"A": (), "B": ("A",), "C": ()}
    assert not found.unready
    assert not found.left_out


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        (ticket("X", labels=()), ["label 'ready-for-agent' is missing"]),
        (ticket("X", acceptance_criteria=()), ["acceptance criteria are missing"]),
        (ticket("X", open_questions=("why?",)), ["open question: why?"]),
        (ticket("X", unchecked=("No open questions",)), ["not ticked: No open questions"]),
        (ticket("X", "X"), ["depends on itself"]),
        (ticket("X", "Z"), ["depends on 'Z', which is unknown"]),
        (ticket("X", "N"), ["depends on 'N', which is not ready"]),
        (ticket("X", "CANCELLED"), ["depends on 'CANCELLED', which is not ready"]),
        (
            ticket("X", labels=(), acceptance_criteria=(), open_questions=("a?", "b?")),
            ["label", "acceptance", "a?", "b?"],
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_an_unready_ticket_has_every_reason_and_the_others_go_on(faulty, words):
    others = [ticket("G"), ticket("N", open_questions=("x",)), ticket("CANCELLED", state=State.CANCELLED)]
    found = chosen(*others, faulty)
    assert admitted(found) == ["G"]
    told = reasons(found.unready, "X")
    assert len(told) == len(words)
    assert all(word in reason for word, reason in zip(words, told, strict=True))


def test_the_members_of_a_cycle_and_what_hangs_on_them_are_unready():
    found = chosen(ticket("A", "B"), ticket("B", "C"), ticket("C", "A"), ticket("D", "A"), ticket("E"))
    assert admitted(found) == ["E"]
    assert reasons(found.unready, "A") == ["dependencies form a cycle: A, B, C"]
    assert reasons(found.unready, "D") == ["depends on 'A', which is not ready"]


def test_an_id_that_stands_twice_is_unready_everywhere_whatever_its_case():
    found = chosen(ticket("A"), ticket("a"), ticket("B"), ticket("C", "A"))
    assert admitted(found) == ["B"]
    assert reasons(found.unready, "A") == ["id 'A' is also used by tickets/1.md; give each ticket an id of its own"]
    assert reasons(found.unready, "a") == ["id 'a' is also used by tickets/0.md; give each ticket an id of its own"]
    assert "depends on 'A'" in reasons(found.unready, "C")[0]


def test_done_tickets_resolve_dependencies_and_are_not_worked_on():
    found = chosen(ticket("A", state=State.DONE), ticket("B", "A"), ticket("C", state=State.CANCELLED))
    assert admitted(found) == ["B"]
    assert found.dependencies == {"B": ()}
    assert not found.unready


def test_a_branch_that_is_not_ours_keeps_a_ticket_out():
    assert "not from a batch" in reasons(chosen(ticket("A"), foreign=["agent/a"]).unready, "A")[0]


def test_a_ticket_that_waits_is_left_out_and_its_dependents_with_it():
    found = chosen(ticket("A"), ticket("B", "A"), ticket("C"), earlier={"A": Earlier(1, wait="waits"), "C": Earlier(2)})
    assert admitted(found) == ["C"]
    assert reasons(found.left_out, "A") == ["waits"]
    assert reasons(found.left_out, "B") == ["waits for A: waits"]
    assert found.earlier == {"C": Earlier(2)}


@pytest.mark.parametrize(
    ("most", "expected"),
    [(1, ["A"]), (2, ["A", "B"]), (3, ["A", "B", "C"]), (4, ["A", "B", "C", "D"]), (9, ["A", "B", "C", "D"])],
)
def test_the_limit_keeps_a_ticket_and_what_it_depends_on_together(most, expected):
    tickets = [ticket("A"), ticket("B", "A"), ticket("C", "B"), ticket("D", priority="low")]
    found = chosen(*tickets, most=most)
    assert sorted(admitted(found)) == expected
    assert {row.ticket for row in found.left_out} == {"A", "B", "C", "D"} - set(expected)
    assert all("at most" in row.reasons[0] for row in found.left_out)


def test_a_chain_of_a_thousand_tickets_is_selected_in_a_moment():
    tickets = [ticket(f"T{n}", *([f"T{n - 1}"] if n else [])) for n in range(1000)]
    started = time.monotonic()
    assert len(admitted(chosen(*tickets, most=1000))) == 1000
    assert time.monotonic() - started < 3


def test_what_is_recommended_and_missing_is_a_warning():
    assert [text for _, text in chosen(ticket("A")).warnings] == [
        "no estimated files",
        "no complexity",
        "no test cases",
    ]


def test_a_batch_of_nothing_and_a_strict_one_with_faults_are_refused_with_every_reason():
    with pytest.raises(BadInput, match="there are none"):
        chosen().refuse_if(strict=False)
    fault = bad_input("tickets/x.md:3", "broken").faults
    found = chosen(ticket("A"), ticket("B", "Z"), unreadable=[("tickets/x.md", fault)])
    found.refuse_if(strict=False)
    with pytest.raises(BadInput) as caught:
        found.refuse_if(strict=True)
    assert "broken" in str(caught.value)
    assert "depends on 'Z'" in str(caught.value)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "shop"
    (root / "tickets").mkdir(parents=True)
    (root / "tickets" / "README.md").write_text("x")
    Repository.create(root, "start")
    return root


def earlier_batch(root, statuses, number=1, **decisions):
    names = list(statuses)
    manifest = Manifest(
        batch_id=f"b{number}",
        created_at=datetime(2026, 1, number, tzinfo=UTC),
        repository="shop",
        base=Repository(root).resolve("HEAD"),
        config=Config(timeout_per_ticket=timedelta(minutes=1)),
        tickets=[Entry(id=name, title="t") for name in names],
    )
    batch = Batch(root, manifest.batch_id)
    batch.create(manifest, [ticket(name) for name in names], Intake(), {})
    state = batch.state()
    state.items = {name: Outcome(status=status) for name, status in statuses.items()}
    batch.save(state)
    for name, kind in decisions.items():
        batch.decisions.take(Decision(ticket=name, attempt=1, kind=kind, message="please"))


@pytest.mark.parametrize(
    ("status", "decision", "wait"),
    [
        (Status.SKIPPED, None, None),
        (Status.COMPLETED, None, "is not judged"),
        (Status.PARTIAL, None, "is not judged"),
        (Status.COMPLETED, Kind.APPROVE, "is approved"),
        (Status.COMPLETED, Kind.REJECT, "was rejected"),
        (Status.ESCALATED, None, "escalation"),
        (Status.FAILED, None, "--retry-failed"),
        (Status.PENDING, None, None),
        (Status.ABORTED, None, None),
        (Status.RUNNING, None, None),
    ],
)
def test_what_an_earlier_batch_left_decides_whether_a_ticket_is_taken_again(root, status, decision, wait):
    earlier_batch(root, {"A": status}, **({"A": decision} if decision else {}))
    found = earlier_attempts(Repository(root), "HEAD")["A"]
    assert (found.wait is None) == (wait is None)
    assert wait is None or wait in found.wait


def test_the_newest_batch_has_the_last_word(root):
    earlier_batch(root, {"A": Status.FAILED}, number=1)
    earlier_batch(root, {"A": Status.SKIPPED}, number=2)
    assert earlier_attempts(Repository(root), "HEAD")["A"].wait is None


def form(name, *, front="", rest="## Acceptance criteria\n- works\n"):
    return f"---\nid: {name}\ntitle: t\nlabels: [ready-for-agent]\n{front}---\n{rest}"


FAULTS = {
    "yaml": lambda n: form(n, front="x: [\n"),
    "unknown key": lambda n: form(n, front="colour: red\n"),
    "duplicate key": lambda n: form(n, front="title: again\n"),
    "alias": lambda n: form(n, front="a: &x [1]\nb: *x\n"),
    "deep": lambda n: form(n, front="a: " + "[" * 2000 + "\n"),
    "date": lambda n: form(n, front="a: 2026-99-99\n"),
    "types": lambda n: form(n, front="dependencies: 3\npriority: urgent\ntest_cases: {a: 1}\n"),
    "no front matter": lambda n: "just text\n",
    "empty": lambda n: "",
    "no title": lambda n: f"---\nid: {n}\n---\n",
    "bad id": lambda n: form(f"../{n}"),
    "option": lambda n: form(f"-{n}"),
    "lock": lambda n: form(f"{n}.lock"),
    "no criteria": lambda n: form(n, rest="text\n"),
    "no label": lambda n: f"---\nid: {n}\ntitle: t\n---\n## Acceptance criteria\n- works\n",
    "question": lambda n: form(n, rest="## Acceptance criteria\n- works\n\n## Open questions\n- why?\n"),
    "unticked": lambda n: form(n) + "\n## Agent readiness\n- [ ] Acceptance criteria clear\n",
    "unknown dependency": lambda n: form(n, front="dependencies: [NOWHERE-1]\n"),
    "itself": lambda n: form(n, front=f"dependencies: [{n}]\n"),
    "cycle": lambda n: form(n, front="dependencies: [LOOP-1]\n"),
    "huge": lambda n: form(n) + "x" * 1_000_000,
    "bytes": lambda n: form(n).encode() + b"\xff\xfe",
    "utf-16": lambda n: form(n).encode("utf-16"),
    "nul": lambda n: b"\x00" * 100,
    "hostile markdown": lambda n: form(n, front="open_questions: [x]\n", rest="[" * 5000 + "\n" + "> " * 500 + "\n"),
}
# Each of these alone can end a reader that expects only its own errors.
LETHAL = {
    "control character": lambda n: form(n, front="a: \x01\n"),
    "empty number": lambda n: form(n, front="a: !!int ''\n"),
    "no date": lambda n: form(n, front="a: !!timestamp soon\n"),
    "no truth": lambda n: form(n, front="a: !!bool maybe\n"),
    "sexagesimal": lambda n: form(n, front="a: 1:" + "0:" * 200 + "0.0\n"),
    "large number": lambda n: form(n, front="url: 0x" + "f" * 5000 + "\n"),
}


def collected(root):
    settings = Settings(batch=BatchSettings(max_tickets=1000))
    started = time.monotonic()
    found = collect(str(root), settings)
    return found, time.monotonic() - started


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_a_thousand_files_with_every_fault_give_one_report_and_the_good_ones_are_admitted(root):
    folder, good, bad = root / "tickets", set(), set()
    write(folder / "LOOP-1.md", form("LOOP-1", front="dependencies: [LOOP-2]\n"))
    write(folder / "LOOP-2.md", form("LOOP-2", front="dependencies: [LOOP-1]\n"))
    write(folder / "TWICE-1.md", form("TWICE"))
    write(folder / "TWICE-2.md", form("twice"))
    (folder / "OUTSIDE.md").symlink_to("/etc/passwd")
    (folder / "DANGLING.md").symlink_to("nowhere.md")
    (folder / "FOLDER.md").mkdir()
    bad |= {"LOOP-1", "LOOP-2", "TWICE-1", "TWICE-2", "OUTSIDE", "DANGLING", "FOLDER"}
    kinds = list(FAULTS)
    for number in range(1000 - len(bad)):
        name = f"T-{number}"
        if number % 3:
            before = f"dependencies: [T-{number - 1}]\n" if number % 3 == 2 else ""
            write(folder / f"{name}.md", form(name, front=before))
            good.add(name)
        else:
            write(folder / f"{name}.md", FAULTS[kinds[number // 3 % len(kinds)]](name))
            bad.add(name)
    found, seconds = collected(root)
    assert set(admitted(found)) == good
    assert {row.where for row in found.unready} == {f"tickets/{name}.md" for name in bad}
    assert all(row.reasons for row in found.unready)
    assert seconds < 60
    found.text("b")
    found.as_json("b")


@pytest.mark.parametrize("kind", LETHAL)
def test_one_hostile_file_never_ends_the_intake_of_the_others(root, kind):
    write(root / "tickets" / "A-1.md", form("A-1"))
    write(root / "tickets" / "B-1.md", LETHAL[kind]("B-1"))
    found, _ = collected(root)
    assert admitted(found) == ["A-1"]
    assert [row.where for row in found.unready] == ["tickets/B-1.md"]


def test_a_file_name_that_is_no_unicode_does_not_end_the_intake(root):
    write(root / "tickets" / "A-1.md", form("A-1"))
    write(root / "tickets" / os.fsdecode(b"caf\xe9.md"), "broken")
    found, _ = collected(root)
    assert admitted(found) == ["A-1"]
    found.as_json("b").encode()


def test_a_branch_of_somebody_else_is_seen_in_the_repository(root):
    write(root / "tickets" / "A-1.md", form("A-1"))
    subprocess.run(["git", "branch", "agent/A-1"], cwd=root, check=True)
    found, _ = collected(root)
    assert "not from a batch" in reasons(found.unready, "A-1")[0]
