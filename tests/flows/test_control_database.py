"""How a server of this machine opens its SQLite file, with the engine that Prefect makes of the address."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from importlib.metadata import EntryPoints
from pathlib import Path

import pytest
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from flows.control import database
from nightwork.control.immediate import immediate


async def read_then_write_twice(address: str) -> int:
    """Let a transaction read a number, another one raise it if it can, and the first raise it then; returns it."""
    prefects = AioSqliteConfiguration(connection_url=address)
    engine = await prefects.engine()
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE counted (number INTEGER)"))
        await connection.execute(text("INSERT INTO counted VALUES (0)"))
        await connection.commit()

    async def raise_it(*, is_first: bool) -> None:
        async with await prefects.session(engine) as session, prefects.begin_transaction(session):
            (number,) = (await session.execute(text("SELECT number FROM counted"))).one()
            if is_first:
                others.append(asyncio.create_task(raise_it(is_first=False)))
                await asyncio.wait(others, timeout=3)
            await session.execute(text("UPDATE counted SET number = :number"), {"number": number + 1})

    others: list[asyncio.Task[None]] = []
    try:
        await raise_it(is_first=True)
        await asyncio.gather(*others)
        async with engine.connect() as connection:
            return int((await connection.execute(text("SELECT number FROM counted"))).scalar_one())
    finally:
        await engine.dispose()


def test_transactions_that_read_and_then_write_wait_for_each_other(tmp_path: Path) -> None:
    plain = f"sqlite+aiosqlite:///{tmp_path}/plain.db"
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(read_then_write_twice(plain))
    assert asyncio.run(read_then_write_twice(immediate(f"sqlite+aiosqlite:///{tmp_path}/patient.db"))) == 2


def test_other_plugins_stay_and_an_address_that_has_it_is_left_as_it_is() -> None:
    once = immediate("sqlite+aiosqlite:////somewhere/prefect.db?plugin=other")
    assert make_url(once).query["plugin"] == ("other", "nightwork_immediate")
    assert immediate(once) == once


def test_an_installation_that_does_not_list_the_plugin_starts_its_server_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nightwork.control.immediate.entry_points", lambda group: EntryPoints(()).select(group=group))
    assert immediate("sqlite+aiosqlite:////somewhere/prefect.db") == "sqlite+aiosqlite:////somewhere/prefect.db"


@pytest.mark.parametrize(
    ("address", "is_file"),
    [
        ("sqlite+aiosqlite:////somewhere/a%20b/prefect.db", True),
        ("sqlite+aiosqlite:////somewhere/prefect.db?timeout=9", True),
        ("postgresql+asyncpg://me:p%40ss@127.0.0.1/prefect", False),
    ],
)
def test_only_the_address_of_a_file_is_changed_and_the_rest_of_it_stays(address: str, is_file: bool) -> None:
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: address}):
        found = database.patient()
        path = database.path()
    if not is_file:
        assert (found, path) == (None, None)
        return
    assert found is not None
    assert make_url(found).difference_update_query(["plugin"]) == make_url(address)
    assert path == Path(make_url(address).database or "")


def test_the_temporary_server_opens_a_file_that_somebody_chose_so(tmp_path: Path) -> None:
    address = f"sqlite+aiosqlite:///{tmp_path}/mine.db"
    code = (
        "from flows.control.temporary import start_server; start_server()\n"
        "from prefect.server.api.server import SubprocessASGIServer as Server\n"
        "from pathlib import Path\n"
        "print(Path(f'/proc/{Server().server_process.pid}/environ').read_text())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "PREFECT_API_DATABASE_CONNECTION_URL": address,
            "PREFECT_API_URL": "",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert f"PREFECT_SERVER_DATABASE_CONNECTION_URL={immediate(address)}" in done.stdout.split("\0")
