"""A night whose ledger and breakers stand in PostgreSQL."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import pytest
from services import PASSWORD, Postgres

from nightwork.database import connections
from nightwork.doctor import examine
from nightwork.outcome import Status
from nightwork.stages import account

PAYS = 'echo x > "$NIGHTWORK_TICKET.txt"; echo \'{"summary": "add it", "cost_usd": 0.25}\' > "$NIGHTWORK_RESULT"'


@pytest.fixture
def night(night: Any, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("NIGHTWORK_DATABASE", postgres.url(password=quote(PASSWORD, safe="")))
    night.settings(PAYS)
    night.commit()
    return night


def test_a_night_notes_its_money_in_the_database_and_its_password_nowhere(night: Any) -> None:
    batch, document = night.run(budget_usd=2.0)
    assert [outcome.status for outcome in batch.state().items.values()] == [Status.COMPLETED] * 2
    assert sum(row.cost_usd for row in document.spending) == pytest.approx(0.5)
    assert account.ledger_of(batch).spent_usd(batch.id) == pytest.approx(0.5)
    files = [path for path in batch.state_folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix == ".sqlite"]
    for path in files:
        assert PASSWORD.encode() not in path.read_bytes(), path
    assert PASSWORD not in str(os.environ) and quote(PASSWORD, safe="") not in str(os.environ)
    (check,) = [check for check in examine(night.root) if check.name == "database"]
    assert (check.status, "2 calls" in check.found) == ("fine", True)


def test_two_repositories_in_one_database_leave_each_other_s_money_alone(
    night: Any, open_night: Any, tmp_path: Any
) -> None:
    batch, _ = night.run()
    night.git("clone", "--quiet", str(night.root), str(tmp_path / "other"))
    other = open_night(tmp_path / "other")
    assert account.ledger_at(other.root, batch.settings().database).last_number() == 0
    for root in (night.root, other.root):
        night.git("-C", str(root), "config", "nightwork.source", f"https://git.example.org/{tmp_path.name}.git")
    first, second = (account.ledger_at(root, batch.settings().database) for root in (night.root, other.root))
    first.make_up(account.Purpose("night", "A", "C2", "m"), 0.25)
    assert second.spent_usd("night") == pytest.approx(0.25), "clones that are one have one ledger"


def test_a_database_out_of_reach_ends_the_batch_resumable_and_the_doctor_says_so(
    night: Any, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = night.begin()
    known = os.environ["NIGHTWORK_DATABASE"]
    monkeypatch.setattr(connections, "_PATIENCE_S", 0.1)
    monkeypatch.setenv("NIGHTWORK_DATABASE", known.replace(f":{postgres.port}", ":1"))
    (check,) = [check for check in examine(night.root) if check.name == "database"]
    assert check.status == "wrong"
    with pytest.raises(connections.Infrastructure, match="start the server or mend `database`, then resume"):
        night.go_on(batch)
    monkeypatch.setenv("NIGHTWORK_DATABASE", known)
    document = night.go_on(batch)
    assert document.counts[Status.COMPLETED] == 2
