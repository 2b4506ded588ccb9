"""What only PostgreSQL can do to a ledger and a breaker, and what becomes of its password."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from services import PASSWORD, USER, Postgres, free_port, started_postgres

from nightwork.breaker import Breaker, Permit, Wait
from nightwork.database import Schema, Tables, address, checked, connections, open_database, postgres
from nightwork.errors import BadInput, Infrastructure, StateError
from nightwork.ledger import Ledger, Limits, OverBudget, Purpose
from nightwork.llm import credentials
from nightwork.llm.metered import WallClock
from nightwork.redact import redact

A = Purpose("night", "A", "C2", "claude-x")
SECRET = "hunter2-hunter2"


@pytest.fixture
def schema(postgres: Postgres) -> Schema:
    return Schema(postgres.known_url(), f"nightwork_ledger_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def asked(schema: Schema) -> Iterator[psycopg.Connection]:
    """A connection of somebody else."""
    with psycopg.connect(schema.url, password=PASSWORD, autocommit=True) as connection:
        yield connection


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Postgres]:
    request.getfixturevalue("postgres")  # skipped where it is
    with started_postgres() as server:
        yield server


def test_a_ledger_of_another_version_is_refused(schema: Schema, asked: psycopg.Connection) -> None:
    ledger = Ledger(schema)
    ledger.reserve(A, 0.1, Limits())
    asked.execute(f"UPDATE {schema.name}.nightwork_version SET number = 9")
    with pytest.raises(StateError, match="version 9"):
        ledger.reserve(A, 0.1, Limits())


def test_a_schema_whose_tables_are_others_is_refused_with_its_name(schema: Schema, asked: psycopg.Connection) -> None:
    Ledger(schema).reserve(A, 0.1, Limits())
    asked.execute(f"ALTER TABLE {schema.name}.calls RENAME COLUMN amount TO price")
    with pytest.raises(StateError, match=schema.name):
        Ledger(schema).reserve(A, 0.1, Limits())


def test_a_role_that_may_make_no_schema_is_told_so_and_can_be_given_one(
    schema: Schema, asked: psycopg.Connection
) -> None:
    role = f"poor_{uuid.uuid4().hex[:8]}"
    asked.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    poor = Schema(schema.url.replace(f"{USER}@", f"{role}@"), schema.name)
    address._hold(poor.url, PASSWORD)
    with pytest.raises(Infrastructure, match="grant the role CREATE"):
        Ledger(poor).spent_usd("night")
    asked.execute(f"CREATE SCHEMA {schema.name} AUTHORIZATION {role}")
    assert Ledger(poor).spent_usd("night") == 0
    asked.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_server_s_own_defaults_make_no_call_overshoot(schema: Schema, asked: psycopg.Connection) -> None:
    role = f"odd_{uuid.uuid4().hex[:8]}"
    asked.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' SUPERUSER")
    for name, value in {"default_transaction_isolation": "serializable", "default_transaction_read_only": "on"}.items():
        asked.execute(f"ALTER ROLE {role} SET {name} = '{value}'")
    odd = Schema(schema.url.replace(f"{USER}@", f"{role}@"), schema.name)
    address._hold(odd.url, PASSWORD)
    taken: list[int] = []

    def spend() -> None:
        for _ in range(10):
            try:
                taken.append(Ledger(odd).reserve(A, 0.1, Limits(batch_usd=1.0)))
            except OverBudget:
                return

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == len(taken) == 10


def test_who_holds_the_lock_and_is_silent_is_put_out(
    schema: Schema, asked: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SETTINGS", postgres._SETTINGS.replace("'20s'", "'1s'"))
    ledger = Ledger(schema)
    ledger.reserve(A, 0.1, Limits())
    with pytest.raises(Infrastructure), open_database(schema, Tables((), 1)).transaction():
        assert Ledger(schema).spent_usd("night") == 0, "on another connection, which has to wait for the lock"


def test_a_lock_that_is_never_given_back_is_not_waited_for_for_ever(
    schema: Schema, asked: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(schema)
    number = ledger.reserve(A, 0.5, Limits())
    monkeypatch.setattr(postgres, "_SETTINGS", postgres._SETTINGS.replace("'60s'", "'200ms'"))
    with asked.transaction():
        key = postgres.PostgresDatabase(schema, Tables((), 1))._key
        asked.execute("SELECT pg_advisory_xact_lock(%s::int8)", (key,))
        with pytest.raises(Infrastructure, match="timeout"):
            ledger.reserve(A, 0.1, Limits())
        ledger.settle(number, 0.2)
    assert ledger.spent_usd("night") == pytest.approx(0.2)


def test_connections_that_a_restart_has_cut_off_are_made_anew(own_server: Postgres) -> None:
    ledger = Ledger(Schema(own_server.known_url(), "nightwork_ledger_x"))
    number = ledger.reserve(A, 0.5, Limits())
    own_server.stop()
    own_server.start()
    ledger.settle(number, 0.2)
    assert ledger.spent_usd("night") == pytest.approx(0.2)


def test_a_server_that_is_away_for_a_while_is_waited_for(own_server: Postgres) -> None:
    ledger = Ledger(Schema(own_server.known_url(), "nightwork_ledger_x"))
    number = ledger.reserve(A, 0.5, Limits())
    own_server.stop()
    settling = threading.Thread(target=lambda: ledger.settle(number, 0.2))
    settling.start()
    own_server.start()
    settling.join()
    assert ledger.spent_usd("night") == pytest.approx(0.2)


def test_what_a_call_cost_is_kept_while_the_server_is_away(
    own_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(Schema(own_server.known_url(), "nightwork_ledger_x"))
    number = ledger.reserve(A, 0.5, Limits())
    own_server.stop()
    monkeypatch.setattr(connections, "_PATIENCE_S", 0.0)
    ledger.settle(number, 0.2)
    with pytest.raises(Infrastructure, match="start the server"):
        ledger.reserve(A, 0.5, Limits())
    own_server.start()
    assert ledger.spent_usd("night") == pytest.approx(0.2)


class Cutting:
    """A way to the server that is cut as the nth COMMIT goes through: before the server has it, or after."""

    def __init__(self, port: int, when: str) -> None:
        self.port, self.when = port, when
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own_port: int = self.listener.getsockname()[1]
        self.is_cutting = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            is_mute = threading.Event()
            for source, sink in ((client, server), (server, client)):
                told = (source, sink, source is client, is_mute)
                threading.Thread(target=self._pass, args=told, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_client: bool, is_mute: threading.Event) -> None:
        with source, sink:
            while True:
                try:
                    data = source.recv(65536)
                    if not data:
                        sink.shutdown(socket.SHUT_RDWR)
                        return
                    cuts = self.is_cutting and is_client and b"COMMIT\0" in data
                    if cuts and self.when == "before":
                        sink.shutdown(socket.SHUT_RDWR)
                        source.shutdown(socket.SHUT_RDWR)
                        return
                    if cuts:
                        is_mute.set()
                    if is_client or not is_mute.is_set():
                        sink.sendall(data)
                    if cuts:
                        time.sleep(0.5)  # the server has done it by then
                        source.shutdown(socket.SHUT_RDWR)
                        return
                except OSError:
                    return


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_while_a_transaction_ends_loses_no_money(schema: Schema, when: str) -> None:
    direct = Ledger(schema)
    direct.spent_usd("night")
    way = Cutting(int(schema.url.partition("127.0.0.1:")[2].partition("/")[0]), when)
    url = f"postgresql://{USER}@127.0.0.1:{way.own_port}/postgres?sslmode=disable"
    address._hold(url, PASSWORD)
    ledger = Ledger(Schema(url, schema.name))
    limits = Limits(batch_usd=1.0)
    number = ledger.reserve(A, 0.4, limits)

    way.is_cutting = True
    with pytest.raises(Infrastructure):
        ledger.reserve(A, 0.3, limits)
    held = 1.0 - (direct.left_usd("night", "A", limits) or 0)
    assert held == pytest.approx(0.7 if when == "after" else 0.4), "not known to be kept: counted when it is"

    ledger.settle(number, 0.1)
    way.is_cutting = False
    assert ledger.spent_usd("night") == pytest.approx(0.1), "settled once, however often it was told"
    direct.close_leftovers()
    assert direct.spent_usd("night") == pytest.approx(0.4 if when == "after" else 0.1)
    way.listener.close()


def test_a_server_that_never_let_us_in_is_not_waited_for(postgres: Postgres) -> None:
    nobody = Schema(f"postgresql://{USER}@127.0.0.1:{free_port()}/postgres", "nightwork_ledger_x")
    with pytest.raises(Infrastructure, match="start the server or mend `database`"):
        Ledger(nobody).spent_usd("night")


def test_a_wrong_password_is_told_and_not_shown(postgres: Postgres) -> None:
    variables = {address.ENVIRONMENT: postgres.url(password=SECRET) + "?application_name=wrong"}
    address.take_from_environment(variables)
    with pytest.raises(Infrastructure, match="password authentication failed") as refused:
        Ledger(Schema(variables[address.ENVIRONMENT], "nightwork_ledger_x")).spent_usd("night")
    assert SECRET not in str(refused.value)


def test_machines_whose_clocks_differ_wait_for_the_same_moment(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    early = Breaker(schema, "anthropic", WallClock(), rng=lambda: 0.0)
    permit = early.enter()
    assert isinstance(permit, Permit)
    hit = early.limited(permit, 3600.0)
    assert hit
    real, late_s = time.time, 7200.0
    monkeypatch.setattr(time, "time", lambda: real() - late_s)
    late = Breaker(schema, "anthropic", WallClock())
    wait = late.enter()
    assert isinstance(wait, Wait)
    assert wait.until == pytest.approx(hit.until - late_s, abs=2)
    again = late.enter()
    assert isinstance(again, Wait)
    assert again.until == wait.until, "the same wait is told as the same"
    (told,) = late.closures(time.time() - 60)
    assert told.at == pytest.approx(hit.at - late_s, abs=2)


def test_the_password_leaves_the_environment_and_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://ann@db.example.org:5433/night-{uuid.uuid4().hex}"
    monkeypatch.setenv("NIGHTWORK_DATABASE", url.replace("@", f":{SECRET}@"))
    monkeypatch.setenv("PGPASSWORD", f"other-{SECRET}")
    monkeypatch.setattr(address, "_passwords", {})
    address.take_from_environment()
    assert os.environ["NIGHTWORK_DATABASE"] == url
    seen = subprocess.run([sys.executable, "-c", "import os; print(os.environ)"], check=True, capture_output=True)
    assert SECRET not in seen.stdout.decode()
    assert address.password_of(url) == SECRET
    assert address.password_of("postgresql://elsewhere/x") == f"other-{SECRET}"
    assert address.variables() == {
        "NIGHTWORK_DATABASE": f"postgresql://ann:{SECRET}@db.example.org:5433/{url.rpartition('/')[2]}",
        "PGPASSWORD": f"other-{SECRET}",
    }
    assert credentials.variables(["PGPASSWORD"]) == {"PGPASSWORD": f"other-{SECRET}"}
    assert SECRET not in redact(f"connecting with {SECRET}")


def test_a_process_that_reads_no_settings_finds_the_password_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://ann@db.example.org/night-{uuid.uuid4().hex}"
    monkeypatch.setenv("NIGHTWORK_DATABASE", url.replace("@", f":{SECRET}@"))
    assert address.password_of(url) == SECRET
    assert os.environ["NIGHTWORK_DATABASE"] == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2/hunter2@h/db",
        "postgresql://u:hunter2@hunter2@h/db",
        "postgresql://u:hunter2#hunter2@h/db",
        "postgresql://u@h/db?password=hunter2",
        "postgresql://u@h/db?%70assword=hunter2",
        "postgresql://u@h/db?sslpassword=hunter2",
        "postgresql://hunter2:hunter2",
        "mysql://u:hunter2@h/db",
        "host=h password=hunter2",
        "postgresql://u:hunter2@h/db\nx",
    ],
)
def test_a_url_that_is_none_is_refused_and_never_shown(url: str) -> None:
    for refuse in (lambda: checked(url, "here"), lambda: address.take_from_environment({"NIGHTWORK_DATABASE": url})):
        with pytest.raises(BadInput, match=r"here|NIGHTWORK_DATABASE") as refused:
            refuse()
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann@db.example.org/night",
        "postgres://db:5433/night?sslmode=require&connect_timeout=3",
        "postgresql://ann@%2Fvar%2Frun%2Fpostgresql/night",
        "postgresql://ann@one:5432,two:5432/night?target_session_attrs=read-write",
        "postgresql://ann@[::1]:5432/night",
    ],
)
def test_urls_as_postgresql_takes_them_are_taken(url: str) -> None:
    assert checked(url, "here") == url
    with_password = url.replace("://", "://ann:s%40cr%2Ft-s%40cr%2Ft@" if "@" not in url else "://", 1)
    with_password = with_password.replace("://ann@", "://ann:s%40cr%2Ft-s%40cr%2Ft@")
    variables = {"NIGHTWORK_DATABASE": with_password}
    address.take_from_environment(variables)
    assert address.password_of(variables["NIGHTWORK_DATABASE"]) == "s@cr/t-s@cr/t"
    assert psycopg.conninfo.conninfo_to_dict(variables["NIGHTWORK_DATABASE"])["user"] == "ann"


def test_without_the_client_the_error_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from nightwork.ledger import Ledger; from nightwork.database import Schema\n"
        "Ledger(Schema('postgresql://h/d', 'x'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "BadInput" in done.stderr
    assert "pip install 'nightwork[workers]'" in done.stderr
