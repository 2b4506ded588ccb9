from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nightwork.errors import BadInput
from nightwork.manifest import BatchStatus, Config, Entry, Manifest, load_manifest, save_manifest
from nightwork.outcome import Outcome, Reason, Status, Verdict
from nightwork.ticket import Complexity, Priority, Ticket

plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = [f"T-{n}" for n in range(6)]


@st.composite
def manifests(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    entries = [
        Entry(
            id=name,
            title=draw(plain),
            priority=draw(st.sampled_from(Priority)),
            complexity=draw(st.none() | st.sampled_from(Complexity)),
            estimated_files=draw(st.lists(plain, max_size=2)),
            dependencies=draw(st.lists(st.sampled_from(names[:place]), unique=True)) if place else (),
            verdict=draw(st.none() | st.sampled_from(Verdict)),
        )
        for place, name in enumerate(names)
    ]
    return Manifest(
        batch_id="2026-01-05-overnight",
        created_at=draw(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))),
        repository=draw(plain),
        base="0" * 40,
        config=Config(
            timeout_per_ticket=timedelta(seconds=draw(st.integers(1, 10**6))),
            budget_usd=draw(st.none() | st.floats(0, 10**6)),
            deadline=draw(st.none() | st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))),
        ),
        tickets=entries,
        status=draw(st.sampled_from(BatchStatus)),
    )


@given(manifests())
def test_a_manifest_survives_writing_and_reading(tmp_path_factory, manifest):
    path = tmp_path_factory.mktemp("m") / "manifest.yaml"
    save_manifest(manifest, path)
    assert load_manifest(path) == manifest
    path.write_bytes(path.read_bytes() + b"# by hand: a text that nobody has read\n")
    assert load_manifest(path) == manifest


def test_what_a_person_changes_between_two_looks_is_seen(tmp_path):
    path = tmp_path / "manifest.yaml"
    for title in ("one", "two", "one"):
        path.write_text(HEAD + f"- {{id: A, title: {title}}}\n")
        assert load_manifest(path).tickets[0].title == title


def test_what_was_written_faulty_is_refused_by_who_wrote_it(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(HEAD + "- {id: A, title: a}\n")
    good = load_manifest(path)
    save_manifest(good.model_copy(update={"tickets": good.tickets * 2}), path)
    with pytest.raises(BadInput, match="stands 2 times"):
        load_manifest(path)


HEAD = f"""\
schema_version: 1
batch_id: b
created_at: 2026-01-05T18:00:00Z
repository: shop
base: {"a" * 40}
config:
  timeout_per_ticket: 30m
tickets:
"""


def faults(tmp_path, text):
    path = tmp_path / "manifest.yaml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_manifest(path)
    return [(int(fault.where.rpartition(":")[2]), fault.problem) for fault in caught.value.faults]


def test_the_contracts_manifest_is_read(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(HEAD + "  - {id: A, title: a}\n  - {id: B, title: b, dependencies: [A]}\n")
    assert [item.id for item in load_manifest(path).items()] == ["A", "B"]
    assert load_manifest(path).config == Config(timeout_per_ticket=timedelta(minutes=30))


def test_the_keys_are_the_contracts_in_its_order(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(HEAD + "  - {id: A, title: a}\n")
    save_manifest(load_manifest(path), path)
    assert list(yaml.safe_load(path.read_text())) == [
        *("schema_version", "batch_id", "created_at", "repository", "base", "config", "tickets", "status"),
    ]
    assert "timeout_per_ticket: 30m" in path.read_text()


@pytest.mark.parametrize(
    ("tickets", "lines", "words"),
    [
        ("  - {id: A, title: a, dependencies: [B]}\n", [9], "unknown ticket 'B'"),
        ("  - {id: A, title: a}\n  - {id: A, title: a}\n", [9, 10], "stands 2 times"),
        ("  - {id: A, title: a}\n  - {id: a, title: a}\n", [9, 10], "stands 2 times"),
        pytest.param(
            "  - {id: A, title: a, dependencies: [A]}\n",
            [9],
            "cycle",
        ),
        pytest.param(
            "  - {id: A, title: a, dependencies: [B]}\n  - {id: B, title: b, dependencies: [A]}\n",
            [9],
            "cycle",
        ),
        ("  - {id: A, title: a, colour: red}\n", [9], "unknown key"),
        ("  - {id: ../A, title: a}\n", [9], "expected an id"),
        ("  - {title: a}\n", [9], "is required"),
        ("  - A\n", [9], "Entry"),
    ],
)
def test_a_fault_of_a_ticket_is_told_with_its_line(tmp_path, tickets, lines, words):
    found = faults(tmp_path, HEAD + tickets)
    assert sorted({line for line, _ in found}) == lines
    assert all(words in problem for _, problem in found)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("created_at: 2026-01-05T18:00:00Z", "created_at: 2026-01-05T18:00:00", 3),
        ("created_at: 2026-01-05T18:00:00Z", "created_at: yesterday", 3),
        ("  timeout_per_ticket: 30m", "  timeout_per_ticket: half an hour", 7),
        ("  timeout_per_ticket: 30m", "  timeout_per_ticket: 0s", 7),
        ("  timeout_per_ticket: 30m", "  timeout_per_ticket: 30m\n  deadline: 2026-01-06T07:00:00", 8),
        ("  timeout_per_ticket: 30m", "  timeout_per_ticket: 30m\n  max_tickets: 0", 8),
        ("schema_version: 1", "schema_version: 2", 1),
        ("batch_id: b", "batch_id: ../b", 2),
        ("base: a", "base: main #", 5),
        ("repository: shop", "repository: shop\nowner: me", 5),
    ],
)
def test_a_fault_of_the_head_is_told_with_its_line(tmp_path, old, new, line):
    assert old in HEAD
    assert [found for found, _ in faults(tmp_path, HEAD.replace(old, new) + "  []\n")] == [line]


def test_all_faults_of_one_kind_come_at_once(tmp_path):
    text = (
        HEAD.replace("18:00:00Z", "18:00:00").replace("30m", "soon")
        + "  - {id: a b, title: a}\n  - {id: B, colour: x}\n"
    )
    assert sorted(line for line, _ in faults(tmp_path, text)) == [3, 7, 9, 10, 10]
    graph = (
        "  - {id: A, title: a, dependencies: [X]}\n  - {id: B, title: b, dependencies: [B]}\n  - {id: a, title: a}\n"
    )
    assert len(faults(tmp_path, HEAD + graph)) == 4


def test_faults_of_values_and_of_dependencies_come_in_one_error(tmp_path):
    tickets = "  - {id: A, title: a, colour: red}\n  - {id: B, title: b, dependencies: [X, C]}\n  - {id: C, title: c, dependencies: [B]}\n"  # noqa: E501
    words = " ".join(problem for _, problem in faults(tmp_path, HEAD + tickets))
    assert "unknown key" in words
    assert "unknown ticket 'X'" in words
    assert "cycle" in words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null\n",
        "[]\n",
        "3\n",
        "a: [\n",
        "a: 1\na: 2\n",
        pytest.param("\x01\n"),
    ],
    ids=ascii,
)
def test_what_is_no_manifest_is_refused(tmp_path, text):
    path = tmp_path / "manifest.yaml"
    path.write_text(text)
    with pytest.raises(BadInput):
        load_manifest(path)


def test_outcomes_and_status_are_rewritten_and_the_rest_stays():
    ticket = Ticket(id="A", title="a", priority=Priority.HIGH)
    manifest = Manifest(
        batch_id="b",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        repository="r",
        base="0" * 40,
        config=Config(timeout_per_ticket=timedelta(minutes=1)),
        tickets=(Entry.of(ticket, ()),),
    )
    outcome = Outcome(status=Status.ABORTED, reason=Reason.RATE_LIMIT, verdict=Verdict.NOT_RUN)
    changed = manifest.with_outcomes({"A": outcome}, BatchStatus.ABORTED)
    assert (changed.tickets[0].outcome, changed.tickets[0].verdict) == ("aborted(rate_limit)", Verdict.NOT_RUN)
    assert changed.status is BatchStatus.ABORTED
    assert changed.tickets[0].priority is Priority.HIGH
