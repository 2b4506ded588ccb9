from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from services import PASSWORD

from nightwork.database import Place, Schema, sqlite
from nightwork.errors import Infrastructure, StateError
from nightwork.ledger import Ledger, Limits, OverBudget, Purpose, Tokens

A = Purpose("night", "A", "C2", "claude-x")
B = replace(A, ticket="B")


@pytest.fixture
def place(new_place: Callable[[str], Place]) -> Place:
    return new_place("ledger")


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return Ledger(place)


def test_a_call_that_does_not_fit_into_the_ticket_s_limit_is_refused(ledger):
    ledger.settle(ledger.reserve(A, 0.6, Limits(ticket_usd=1.0)), 0.6)
    with pytest.raises(OverBudget) as refused:
        ledger.reserve(A, 0.5, Limits(ticket_usd=1.0))
    assert refused.value.whose == "ticket"
    assert "the ticket's limit of $1.00" in str(refused.value)
    assert "$0.60 spent" in str(refused.value)
    ledger.reserve(B, 0.5, Limits(ticket_usd=1.0))


def test_a_call_that_does_not_fit_into_the_batch_s_limit_is_refused(ledger):
    ledger.settle(ledger.reserve(A, 0.6, Limits(batch_usd=1.0)), 0.6)
    with pytest.raises(OverBudget) as refused:
        ledger.reserve(B, 0.5, Limits(batch_usd=1.0))
    assert refused.value.whose == "batch"
    ledger.reserve(replace(A, batch="another night"), 0.5, Limits(batch_usd=1.0))


def test_what_is_not_used_of_a_reservation_becomes_free(ledger):
    number = ledger.reserve(A, 1.0, Limits(batch_usd=1.0))
    with pytest.raises(OverBudget) as refused:
        ledger.reserve(B, 0.5, Limits(batch_usd=1.0))
    assert refused.value.may_fit_later
    ledger.settle(number, 0.4)
    ledger.reserve(B, 0.5, Limits(batch_usd=1.0))
    assert ledger.spent_usd("night") == pytest.approx(0.4)


def test_a_call_that_nobody_saw_end_counts_in_full(ledger):
    ledger.reserve(A, 0.7, Limits())
    ledger.settle(ledger.reserve(A, 0.1, Limits()), None)
    assert ledger.close_leftovers() == 1
    assert ledger.spent_usd("night", "A") == pytest.approx(0.8)
    (line,) = ledger.lines("night")
    assert line.unconfirmed_usd == pytest.approx(0.8)
    assert ledger.close_leftovers() == 0


def test_limits_survive_a_restart(place):
    first = Ledger(place)
    first.settle(first.reserve(A, 0.9, Limits(batch_usd=1.0)), 0.9)
    with pytest.raises(OverBudget):
        Ledger(place).reserve(A, 0.2, Limits(batch_usd=1.0))


def test_no_limit_is_no_limit_and_zero_is_nothing(ledger):
    ledger.reserve(A, 1000.0, Limits())
    with pytest.raises(OverBudget):
        ledger.reserve(A, 0.01, Limits(ticket_usd=0.0))


def test_what_is_left_is_the_smaller_of_both_limits(ledger):
    ledger.settle(ledger.reserve(A, 0.5, Limits()), 0.5)
    ledger.reserve(B, 0.25, Limits())
    assert ledger.left_usd("night", "A", Limits()) is None
    assert ledger.left_usd("night", "A", Limits(ticket_usd=1.0, batch_usd=1.0)) == pytest.approx(0.25)
    assert ledger.left_usd("night", "A", Limits(ticket_usd=0.1)) == 0


@pytest.mark.parametrize("spent", [0.0, 1.111111119, 3.333333334, 6.666666668, 7.000000001, 9.876543211])
def test_all_that_is_left_can_be_reserved_to_the_last_nano_dollar(ledger, spent):
    ledger.settle(ledger.reserve(A, spent, Limits()), spent)
    for _ in range(2):
        left = ledger.left_usd("night", "A", Limits(batch_usd=50.0))
        ledger.reserve(A, min(left, 50 / 3), Limits(batch_usd=50.0))
    left = ledger.left_usd("night", "A", Limits(batch_usd=50.0))
    ledger.reserve(A, left, Limits(batch_usd=50.0))
    assert ledger.left_usd("night", "A", Limits(batch_usd=50.0)) == 0


def test_what_a_lost_ledger_has_forgotten_is_made_up(ledger):
    ledger.make_up(A, 0.4)
    ledger.make_up(A, 0.4)
    assert ledger.spent_usd("night") == pytest.approx(0.4)


def test_lines_tell_ticket_stage_and_model_with_their_tokens(ledger):
    for _ in range(2):
        ledger.settle(ledger.reserve(A, 0.2, Limits()), 0.1, Tokens(10, 20, 30, 40))
    ledger.settle(ledger.reserve(replace(A, stage="C0"), 0.2, Limits()), 0.0)  # refused: nothing to tell
    (line,) = ledger.lines("night")
    assert (line.ticket, line.stage, line.model, line.calls) == ("A", "C2", "claude-x", 2)
    assert line.spent_usd == pytest.approx(0.2)
    assert line.tokens == Tokens(20, 40, 60, 80)


def test_agents_at_the_same_time_do_not_overshoot(place):
    def spend(number: int) -> int:
        ledger = Ledger(place)
        try:
            ledger.settle(ledger.reserve(replace(A, ticket=f"T{number % 5}"), 0.1, Limits(batch_usd=1.0)), 0.1)
        except OverBudget:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(spend, range(48))) == 10


_RESERVES = """
import os, sys
from pathlib import Path
from nightwork.database import place_of, take_from_environment
from nightwork.ledger import *
take_from_environment()
ledger = Ledger(place_of(os.environ.get("NIGHTWORK_DATABASE", ""), sys.argv[1], Path(sys.argv[1])))
while True:
    ledger.reserve(Purpose('night', 'A', 'C2', 'm'), float(sys.argv[2]), Limits(batch_usd=1.0))
    print("reserved", flush=True)
"""


def reserving(place: Place, usd: float) -> subprocess.Popen[str]:
    """Start a process that makes calls of which it never sees the end, until there is no room."""
    name, told = (
        (place.name.removeprefix("nightwork_"), variables_of(place)) if isinstance(place, Schema) else (str(place), {})
    )
    command = [sys.executable, "-c", _RESERVES, name, str(usd)]
    return subprocess.Popen(
        command, env={**os.environ, **told}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def variables_of(place: Schema) -> dict[str, str]:
    url = place.url.replace("@", f":{quote(PASSWORD, safe='')}@")
    return {"NIGHTWORK_DATABASE": url}


def test_a_reservation_survives_a_kill_and_holds_its_room(place):
    with reserving(place, 0.8) as process:
        assert process.stdout and process.stdout.readline() == "reserved\n"
        process.kill()
    with pytest.raises(OverBudget):
        Ledger(place).reserve(A, 0.3, Limits(batch_usd=1.0))


def test_processes_that_are_killed_in_the_middle_lose_nothing_overshoot_nothing_and_stop_nobody(place):
    told = 0
    for _ in range(3):
        processes = [reserving(place, 0.0002) for _ in range(3)]
        for process in processes:
            assert process.stdout and process.stdout.readline() == "reserved\n"
        for process in processes:
            process.kill()
            told += 1 + process.communicate()[0].count("reserved\n")
    ledger = Ledger(place)
    ledger.close_leftovers()
    assert told * 0.0002 - 1e-9 <= ledger.spent_usd("night") <= 1.0
    assert ledger.lines("night")[0].calls - told <= 9, "at most one a process was not told any more"


def test_a_call_that_cannot_be_settled_at_once_is_settled_before_the_next(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    monkeypatch.setattr(sqlite, "_PATIENCE_S", 0.1)
    number = ledger.reserve(A, 0.9, Limits(batch_usd=1.0))
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        ledger.settle(number, 0.2)
        with pytest.raises(Infrastructure):
            ledger.reserve(B, 0.5, Limits(batch_usd=1.0))
    of_another_agent = Ledger(tmp_path / "ledger.sqlite")
    assert of_another_agent.spent_usd("night") == pytest.approx(0.2)
    of_another_agent.reserve(B, 0.8, Limits(batch_usd=1.0))


def test_a_file_that_is_no_ledger_is_refused_with_its_path(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(StateError, match=r"ledger\.sqlite"):
        Ledger(path).spent_usd("night")


def test_a_ledger_of_a_later_version_is_refused(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.reserve(A, 0.1, Limits())
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StateError, match="version 9"):
        ledger.reserve(A, 0.1, Limits())


def test_a_folder_where_nothing_can_be_written_is_the_machine_s_fault(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(Infrastructure):
        Ledger(tmp_path / "ledger.sqlite").spent_usd("night")


class SpendingOf(RuleBasedStateMachine):
    """Calls, crashes and restarts in any order: what is spent and reserved never exceeds a limit."""

    calls = Bundle("calls")
    limits = Limits(ticket_usd=1.0, batch_usd=2.5)

    def __init__(self) -> None:
        super().__init__()
        self.place = self.new_place()
        self.ledger = Ledger(self.place)
        self.paid = dict.fromkeys("ABCD", 0.0)
        self.lost: list[tuple[str, float]] = []

    def new_place(self) -> Place:
        raise NotImplementedError

    @rule(target=calls, ticket=st.sampled_from("ABCD"), usd=st.floats(0, 1.2), share=st.floats(0, 1))
    def call(self, ticket: str, usd: float, share: float):
        try:
            number = self.ledger.reserve(replace(A, ticket=ticket), usd, self.limits)
        except OverBudget:
            return None
        self.paid[ticket] += usd * share  # the provider bills, whether or not anybody is there to see it
        return number, usd * share

    @rule(call=consumes(calls))
    def end(self, call):
        if call is not None:
            self.ledger.settle(*call)

    @rule(call=consumes(calls))
    def break_off(self, call):
        if call is not None:
            self.ledger.settle(call[0], None)

    @rule()
    def crash_and_restart(self):
        self.ledger = Ledger(self.place)
        self.ledger.close_leftovers()

    @invariant()
    def no_limit_is_exceeded(self):
        limits = replace(self.limits, ticket_usd=None)
        for ticket, paid in self.paid.items():
            spent = self.ledger.spent_usd("night", ticket)
            left = self.ledger.left_usd("night", ticket, Limits(ticket_usd=1.0))
            assert left is not None
            assert spent <= 1.0
            assert paid <= 1.0 - left + 1e-9, "money was paid that the ledger does not know"
        assert self.ledger.spent_usd("night") <= 2.5
        assert (self.ledger.left_usd("night", "A", limits) or 0) >= 0


class Spending(SpendingOf):
    """In files, in memory where there is such a folder: a thousand examples write a lot."""

    def new_place(self) -> Place:
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        return Path(self.folder.name) / "ledger.sqlite"

    def teardown(self) -> None:
        self.folder.cleanup()


TestSpending = Spending.TestCase
TestSpending.settings = settings(
    max_examples=1000, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_no_limit_is_exceeded_in_postgres_either(postgres):
    class InPostgres(SpendingOf):
        def new_place(self) -> Place:
            return Schema(postgres.known_url(), f"nightwork_ledger_{uuid.uuid4().hex}")

    few = settings(max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(InPostgres, settings=few)


def test_of_many_calls_as_many_are_reserved_as_fit_the_first_ones_first(ledger):
    calls = [(replace(A, ticket=f"T{n}"), 0.3) for n in range(5)]
    assert len(ledger.reserve_many(calls, Limits(batch_usd=1.0))) == 3
    assert ledger.left_usd("night", "T0", Limits(batch_usd=1.0)) == pytest.approx(0.1)
    with pytest.raises(OverBudget):
        ledger.reserve_many(calls, Limits(batch_usd=1.0))
    assert len(ledger.reserve_many([(A, 0.3), (A, 0.3), (B, 0.3)], Limits(ticket_usd=0.5))) == 1
    assert ledger.reserve_many([], Limits(batch_usd=0.0)) == []


def test_what_is_under_way_stays_reserved_and_is_settled_later(ledger):
    kept, closed = ledger.reserve_many([(A, 0.3), (B, 0.3)], Limits())
    assert ledger.close_leftovers({kept}) == 1
    assert ledger.spent_usd("night") == pytest.approx(0.3)
    assert ledger.reserved_since("night", "C2", 0) == {kept: "A"}
    assert ledger.reserved_since("night", "C2", kept) == {}
    assert ledger.last_number() == closed
    ledger.settle_many([(kept, 0.1, Tokens(output_tokens=3)), (closed, 0.0, Tokens())])
    assert ledger.spent_usd("night") == pytest.approx(0.1)
